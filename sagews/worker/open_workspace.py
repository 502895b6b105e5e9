"""OpenedWorkspace: one opening (epoch) of a workspace: its stream, sessions, documents and people.

Invariant: state and stream change together, without a pause in between, so that a snapshot taken at
any moment contains exactly the events up to its number.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Literal

from sagews.errors import NotFound, OverLimit
from sagews.messages.frame import Frame
from sagews.messages.records import Actor, Limits, QueuedRun, Snapshot
from sagews.messages.workspace import Attached, WorkspaceClosed
from sagews.worker.client_log import ClientLog
from sagews.worker.connection import Connection
from sagews.worker.environments import Environments
from sagews.worker.live_session import LiveSession, Surroundings
from sagews.worker.people import Attachment, People
from sagews.worker.run_records import RunRecords
from sagews.worker.session_process import Code
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream, Subscriber
from sagews.worker.workspace_folder import WorkspaceFolder

log = logging.getLogger(__name__)


class OpenedWorkspace:
    """One workspace, open on this worker."""

    def __init__(
        self,
        name: str,
        epoch: int,
        limits: Limits,
        folder: WorkspaceFolder,
        environments: Environments,
        settings: WorkerSettings,
    ) -> None:
        """Open it; what it had comes with the `open_workspace` message."""
        self.name = name
        self.epoch = epoch
        self.limits = limits
        self.folder = folder
        self.settings = settings
        self.stream = NumberedStream(name, epoch, settings.replay_events, settings.replay_bytes)
        self.records = RunRecords(settings.ended_runs)
        self.clients = ClientLog(settings.clients, settings.answers)
        self.people = People(name, epoch)
        self.sessions: dict[str, LiveSession] = {}
        self.closed = False
        self._tasks: dict[LiveSession, asyncio.Task[None]] = {}
        self._environments = environments.names
        self._around = Surroundings(
            self.stream, self.records, environments, folder.files, folder.kept_file, limits, settings
        )

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

    def snapshot(self) -> Snapshot:
        """Everything that the stream has told up to now."""
        sessions = self.sessions.values()
        queue: list[QueuedRun] = [run.place() for session in sessions for run in session.queue]
        return Snapshot(
            sessions=tuple(session.session_state() for session in sessions),
            queue=tuple(queue),
            cells=self.records.records(),
            inputs=tuple(session.input for session in sessions if session.input is not None),
        )

    # --- sessions

    def session(self, name: str) -> LiveSession:
        """Raises NotFound where it does not live."""
        try:
            return self.sessions[name]
        except KeyError:
            raise NotFound(f"There is no session {name!r} in this workspace.", mend="Open it first.") from None

    def open_session(self, name: str, environment: str, document: str = "") -> LiveSession:
        """Start a session under this name, if it does not live yet.

        :raises NotFound: no such environment; OverLimit: too many sessions.
        """
        if name in self.sessions:
            return self.sessions[name]
        environment = environment or self._environments[0]
        if environment not in self._environments:
            raise NotFound(f"There is no environment {environment!r} on this worker.")
        maximum = self.limits.sessions or self.settings.workspace_sessions
        if len(self.sessions) >= maximum:
            raise OverLimit(f"This workspace has {maximum} sessions already.", mend="Shut one of them down.")
        session = LiveSession(self._around, name, environment, document)
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

    # --- its end

    async def close(self, reason: str, code: Code) -> None:
        """End its sessions, tell everyone attached, and let go of its folder."""
        self.closed = True
        for session in tuple(self.sessions.values()):
            session.end(reason, code)
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))
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
        self.folder.release()


def new_run_id() -> str:
    """Unlike any other run's, in this opening or another."""
    return secrets.token_hex(8)
