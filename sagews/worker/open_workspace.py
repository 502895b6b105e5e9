"""OpenedWorkspace: one opening (epoch) of a workspace: its stream, sessions, documents and people.

Invariant: state and stream change together, without a pause in between, so that a snapshot taken at
any moment contains exactly the events up to its number.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Literal

from sagews.errors import NotFound, OverLimit, Unavailable
from sagews.messages.frame import Frame
from sagews.messages.records import Actor, QueuedRun, Snapshot
from sagews.messages.workspace import Attached, OpenWorkspace, WorkspaceClosed
from sagews.worker.alarm import Alarm
from sagews.worker.capacity import Capacity
from sagews.worker.checkpoints import Checkpoints
from sagews.worker.client_log import ClientLog
from sagews.worker.connection import Connection
from sagews.worker.documents import Documents
from sagews.worker.environments import Environments
from sagews.worker.files import Files
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.live_session import LiveSession, Surroundings
from sagews.worker.people import Attachment, People
from sagews.worker.run_records import RunRecords
from sagews.worker.session_process import Code
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream, Subscriber
from sagews.worker.workspace_folder import WorkspaceFolder
from sagews.worker.written_digests import WrittenDigests

log = logging.getLogger(__name__)


class OpenedWorkspace:
    """One workspace, open on this worker."""

    def __init__(
        self,
        name: str,
        epoch: int,
        opening: OpenWorkspace,
        folder: WorkspaceFolder,
        environments: Environments,
        capacity: Capacity,
        settings: WorkerSettings,
    ) -> None:
        """Open it; what it had comes with the `open_workspace` message."""
        self.name = name
        self.epoch = epoch
        self.limits = limits = opening.limits.tighter(settings.session_limits)
        self.kept = kept = opening.kept
        self._lease_until = 0.0
        self.folder = folder
        self.settings = settings
        self.stream = NumberedStream(name, epoch, settings.replay_events, settings.replay_bytes)
        self.records = RunRecords(settings.ended_runs)
        self.clients = ClientLog(settings.clients, settings.answers)
        self.people = People(name, epoch)
        self.journal = JournalBacklog(self.stream, settings, kept=kept)
        self.files = Files(folder.files)
        digests = WrittenDigests(folder.top / "digests.json")
        self.documents = Documents(self.stream, self.journal, self.records, self.files, digests, settings)
        self.checkpoints = Checkpoints(self.stream, self.documents, self.records, self.journal, settings)
        self.sessions: dict[str, LiveSession] = {}
        self.closed = False
        self._tasks: dict[LiveSession, asyncio.Task[None]] = {}
        self.environments = environments.names
        self._around = Surroundings(
            self.stream,
            self.records,
            environments,
            capacity,
            folder.files,
            folder.kept_file,
            limits,
            settings,
            self.people,
        )
        self.unused = Alarm(settings.workspace_idle_seconds, self._close_unused)
        self.on_unused: Callable[[], None] = lambda: None
        self.unused.set()

        self.documents.restore(opening.documents, opening.journal)
        self.renew_lease()

    def renew_lease(self) -> None:
        """A backend says that the database still has this opening."""
        self._lease_until = asyncio.get_running_loop().time() + self.settings.lease_seconds

    def check_lease(self) -> None:
        """Raises Unavailable where nobody has said so for too long: somebody else may have the workspace."""
        if self.kept and asyncio.get_running_loop().time() > self._lease_until:
            raise Unavailable("The site's database has not confirmed this workspace for a while; edits are not taken.")

    # --- following

    def attach(self, connection: Connection, frame: Frame, actor: Actor) -> None:
        """Answer `attach`: everything since (epoch, n), or a snapshot; then what comes."""
        subscriber = Subscriber(self.stream, frame.channel, lambda: attached("snapshot"))

        def attached(how: Literal["resumed", "snapshot"], *, answer: bool = False) -> Frame:
            return Frame(
                content=Attached(
                    how=how,
                    snapshot=self.snapshot() if how == "snapshot" else None,
                    people=self.people.persons(),
                    k=self.clients.taken(frame.client),
                ),
                workspace=self.name,
                epoch=self.epoch,
                n=subscriber.cursor if how == "resumed" else self.stream.last,
                client=frame.client,
                channel=frame.channel,
                request=frame.request if answer else 0,
            )

        old = self.people.find(connection, frame.channel)
        if old is not None:
            self.detach(old)
        attachment = Attachment(connection, frame.channel, frame.client, actor, subscriber)
        resumed = frame.epoch == self.epoch and self.stream.has_all_after(frame.n)
        if resumed:
            subscriber.cursor = frame.n
        self.people.came(attachment)
        self.unused.stop()
        connection.send(attached("resumed" if resumed else "snapshot", answer=True))
        self.stream.subscribe(subscriber, lambda follower: connection.wake(self.name, follower))
        connection.attached += 1
        connection.on_close[attachment] = lambda: self.detach(attachment)
        connection.wake(self.name, subscriber)

    def detach(self, attachment: Attachment) -> None:
        """Send it nothing more. Doing it twice does no harm."""
        self.stream.unsubscribe(attachment.subscriber)
        attachment.connection.forget(self.name, attachment.subscriber)
        if self.people.left(attachment):
            attachment.connection.attached -= 1
            attachment.connection.on_close.pop(attachment, None)
            self._note_unused()

    def snapshot(self) -> Snapshot:
        """Everything that the stream has told up to now."""
        sessions = self.sessions.values()
        queue: list[QueuedRun] = [run.place() for session in sessions for run in session.queue]
        return Snapshot(
            documents=self.documents.states(),
            sessions=tuple(session.session_state() for session in sessions),
            queue=tuple(queue),
            cells=self.records.records(self.settings.snapshot_characters),
            inputs=tuple(session.input for session in sessions if session.input is not None),
        )

    # --- sessions

    def session(self, name: str) -> LiveSession:
        """Raises NotFound where it does not live."""
        try:
            return self.sessions[name]
        except KeyError:
            raise NotFound(f"There is no session {name!r} in this workspace.", mend="Open it first.") from None

    def environment(self, name: str) -> str:
        """The name, or the default one for "". Raises NotFound where there is none of this name."""
        name = name or self.environments[0]
        if name not in self.environments:
            raise NotFound(f"There is no environment {name!r} on this worker.")
        return name

    def open_session(self, name: str, environment: str, document: str = "") -> LiveSession:
        """Start a session under this name, if it does not live yet.

        :raises NotFound: no such environment; OverLimit: too many sessions.
        """
        if name in self.sessions:
            return self.sessions[name]
        environment = self.environment(environment)
        maximum = self.limits.sessions
        if len(self.sessions) >= maximum:
            raise OverLimit(f"This workspace has {maximum} sessions already.", mend="Shut one of them down.")
        self._around.capacity.check_room()
        self.unused.stop()
        session = LiveSession(self._around, name, environment, document)
        session.on_outputs = self.checkpoints.ran
        self.sessions[name] = session
        task = asyncio.create_task(session.live(), name=f"session {name}")
        self._tasks[session] = task
        task.add_done_callback(lambda task: self._session_over(session, task))
        return session

    def _session_over(self, session: LiveSession, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("Session failed", extra={"action": "session_failed"}, exc_info=task.exception())
        del self._tasks[session]
        if self.sessions.get(session.name) is session:
            del self.sessions[session.name]
        self._note_unused()

    def _close_unused(self) -> None:
        self.on_unused()

    def _note_unused(self) -> None:
        """Without sessions and people for a while, it closes."""
        if not self.sessions and not len(self.people) and not self.closed:
            self.unused.set()

    def moved(self, path: str, to: str) -> None:
        """A file or folder was renamed, or deleted (`to` = ""): so were the documents there."""
        for document in self.documents.moved(path, to):
            if document.id in self.sessions:
                self.sessions[document.id].end("its worksheet was deleted", "shutdown")
        self.checkpoints.soon()

    # --- its end

    async def close(self, reason: str, code: Code) -> None:
        """End its sessions, tell everyone attached, and let go of its folder."""
        self.closed = True
        self.unused.stop()
        for session in tuple(self.sessions.values()):
            session.end(reason, code)
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))
        await self.checkpoints.close()
        for attachment in self.people.everyone():
            self.detach(attachment)
            attachment.connection.send(
                Frame(
                    content=WorkspaceClosed(reason),
                    workspace=self.name,
                    epoch=self.epoch,
                    channel=attachment.channel,
                )
            )
        self.journal.end()
        self.folder.release()


def new_run_id() -> str:
    """Unlike any other run's, in this opening or another."""
    return secrets.token_hex(8)
