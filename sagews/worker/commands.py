"""Commands: what attached clients tell an open workspace to do.

Invariant: each (client, k) is obeyed at most once, in the order of k, by the epoch it was meant for,
and answered; asked again, the answer is said again. A command never waits: what takes time (a
session that starts, a file that is written) goes on by itself and is told as events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sagews.errors import Conflict, Fenced, MessageError, NotAllowed, NotFound, SagewsError
from sagews.messages import commands, jupyter
from sagews.messages.connection import Refused
from sagews.messages.frame import Frame, Message
from sagews.messages.workspace import Acknowledged, Update
from sagews.worker.open_workspace import OpenedWorkspace, new_run_id
from sagews.worker.people import Attachment
from sagews.worker.run import Run

EMPTY_VECTOR = b"\x00"
"""The Yjs state vector of nothing."""

QUESTIONS = (
    jupyter.CompleteRequest,
    jupyter.InspectRequest,
    jupyter.IsCompleteRequest,
    jupyter.KernelInfoRequest,
)


class Commands:
    """The commands to one open workspace."""

    def __init__(self, workspace: OpenedWorkspace) -> None:
        """:param workspace: that obeys them."""
        self._workspace = workspace
        self._obey: dict[type[Message], Callable[[Frame, Any], Acknowledged]] = {
            commands.OpenSession: self._open_session,
            commands.Execute: self._execute,
            commands.CancelRuns: self._cancel_runs,
            commands.OpenDocument: self._open_document,
            commands.RunCells: self._run_cells,
            commands.ClearOutputs: self._clear_outputs,
            commands.Save: self._save,
            jupyter.InterruptRequest: self._interrupt,
            jupyter.ShutdownRequest: self._shutdown,
            jupyter.InputReply: self._hand_on,
            jupyter.CommOpen: self._hand_on,
            jupyter.CommMsg: self._hand_on,
            jupyter.CommClose: self._hand_on,
        }

    def heard(self, attachment: Attachment, frame: Frame) -> None:
        """A frame on an attached channel: obey and answer, or refuse."""
        content = frame.content
        reads = content.only_reads
        if attachment.actor.role == "reader" and not reads:
            attachment.connection.refuse(frame, NotAllowed("You may read this workspace, not change it."))
        elif isinstance(content, QUESTIONS):
            self._ask(attachment, frame)
        elif isinstance(content, Update):
            self._update(attachment, frame, content)
            self._workspace.changed_by(attachment.actor)
        elif type(content) in self._obey:
            self._command(attachment, frame)
            if not reads:
                self._workspace.changed_by(attachment.actor)
        else:
            error = MessageError(f"message.type: {content.type!r} is no command to a workspace.")
            attachment.connection.refuse(frame, error)

    def _command(self, attachment: Attachment, frame: Frame) -> None:
        workspace, connection = self._workspace, attachment.connection
        if frame.epoch != workspace.epoch:
            connection.refuse(frame, Fenced("The workspace was opened again since this command was given."))
            return
        if not frame.client or not frame.k:
            connection.refuse(frame, MessageError("message.client, message.k: a command must have both."))
            return
        if frame.k <= workspace.clients.taken(frame.client):
            answer, n = workspace.clients.answered(frame.client, frame.k) or (Acknowledged(), 0)
        else:
            answer, n = self._answer(frame), 0
            workspace.clients.take(frame.client, frame.k, answer, n)
        connection.send(frame.reply(answer, n=n))

    def _update(self, attachment: Attachment, frame: Frame, content: Update) -> None:
        """Updates are taken whatever epoch they were made for; applying one twice does no harm."""
        workspace, connection = self._workspace, attachment.connection
        known = workspace.clients.answered(frame.client, frame.k)
        if known is None:
            try:
                workspace.lease.check()
                document = workspace.documents.find(content.document)
                n = workspace.documents.update(document, content.update, frame.client, attachment.actor.account)
            except SagewsError as error:
                # Not noted as taken: the client may send it again, when it can be.
                connection.refuse(frame, error)
                return
            workspace.checkpoints.soon()
            known = (Acknowledged(), n)
            if frame.client and frame.k:
                workspace.clients.take(frame.client, frame.k, *known)
        connection.send(frame.reply(known[0], n=known[1], epoch=workspace.epoch))

    def _answer(self, frame: Frame) -> Message:
        try:
            return self._obey[type(frame.content)](frame, frame.content)
        except SagewsError as error:
            return Refused.because(error, frame.content.type)

    def _ask(self, attachment: Attachment, frame: Frame) -> None:
        def answer(content: Message) -> None:
            attachment.connection.send(frame.reply(content))

        try:
            self._workspace.session(frame.session).ask(frame.content, answer)
        except SagewsError as error:
            attachment.connection.refuse(frame, error)

    # --- one each

    def _open_session(self, frame: Frame, content: commands.OpenSession) -> Acknowledged:
        if not frame.session:
            raise MessageError("message.session: a session needs a name.")
        self._workspace.open_session(frame.session, content.environment, content.document)
        return Acknowledged()

    def _execute(self, frame: Frame, content: commands.Execute) -> Acknowledged:
        session = self._workspace.session(frame.session)
        self._workspace.disk.check()
        session.queue.check_room(1)
        run = Run(
            new_run_id(),
            session.name,
            content.code,
            command=object(),
            silent=content.silent,
            store_history=content.store_history,
            allow_stdin=content.allow_stdin,
        )
        session.add([run])
        return Acknowledged(runs=(run.id,))

    def _open_document(self, frame: Frame, content: commands.OpenDocument) -> Acknowledged:
        workspace = self._workspace
        environment = workspace.environment(content.environment)
        workspace.lease.check()
        document = workspace.documents.open(content.path, frame.client, environment, create=content.create)
        workspace.watch_file(document.path)
        workspace.checkpoints.soon()
        return Acknowledged(document=document.id)

    def _run_cells(self, frame: Frame, content: commands.RunCells) -> Acknowledged:
        workspace = self._workspace
        document = workspace.documents.find(content.document)
        if document.worksheet.lacks(content.needs or EMPTY_VECTOR):
            raise Conflict("The worksheet lacks edits that this run needs.", mend="Run it again when they are here.")
        cells = document.worksheet.cells
        wanted = [cell for cell in cells if content.all or cell.id in content.cells]
        missing = set(content.cells) - {cell.id for cell in cells}
        if missing:
            raise NotFound(f"The worksheet has no cell {min(missing)!r}.")
        code = [cell for cell in wanted if cell.type == "code"]
        name = document.environment(workspace.environments)
        workspace.disk.check()
        session = workspace.open_session(document.id, name, document.id)
        session.queue.check_room(len(code))
        together = object()
        runs = [Run(new_run_id(), session.name, cell.source, document.id, cell.id, together) for cell in code]
        session.add(runs)
        return Acknowledged(runs=tuple(run.id for run in runs))

    def _clear_outputs(self, frame: Frame, content: commands.ClearOutputs) -> Acknowledged:
        document = self._workspace.documents.find(content.document)
        self._workspace.records.clear(document.id, content.cells)
        self._workspace.stream.append(content, client=frame.client)
        self._workspace.checkpoints.ran(document.id)
        return Acknowledged()

    def _save(self, frame: Frame, content: commands.Save) -> Acknowledged:
        document = self._workspace.documents.find(content.document)
        self._workspace.checkpoints.save(document.id)
        return Acknowledged()

    def _cancel_runs(self, frame: Frame, content: commands.CancelRuns) -> Acknowledged:
        self._workspace.session(content.document or frame.session).cancel(content.runs)
        return Acknowledged()

    def _interrupt(self, frame: Frame, content: jupyter.InterruptRequest) -> Acknowledged:
        self._workspace.session(frame.session).interrupt()
        return Acknowledged()

    def _shutdown(self, frame: Frame, content: jupyter.ShutdownRequest) -> Acknowledged:
        session = self._workspace.session(frame.session)
        if content.restart:
            session.end("restarted", "restart", restart=True)
        else:
            session.end("shut down", "shutdown")
        return Acknowledged()

    def _hand_on(self, frame: Frame, content: Message) -> Acknowledged:
        self._workspace.session(frame.session).hand_on(content, frame.run)
        return Acknowledged()
