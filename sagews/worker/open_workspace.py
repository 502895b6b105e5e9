"""OpenedWorkspace: one opening (epoch) of a workspace: its stream, sessions, documents and people.

Invariant: state and stream change together, without a pause in between, so that a snapshot taken at
any moment contains exactly the events up to its number.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from sagews.errors import NotFound, Unavailable
from sagews.messages.fields import write_record
from sagews.messages.files import FolderChanged
from sagews.messages.frame import Frame
from sagews.messages.records import Actor, OpenRecord, QueuedRun, Snapshot
from sagews.messages.workspace import OpenWorkspace
from sagews.worker.alarm import Alarm
from sagews.worker.capacity import Capacity
from sagews.worker.checkpoints import Checkpoints
from sagews.worker.client_log import ClientLog
from sagews.worker.connection import Connection
from sagews.worker.disk_watch import DiskWatch
from sagews.worker.document import is_worksheet
from sagews.worker.documents import Documents
from sagews.worker.environments import Environments
from sagews.worker.files import Files
from sagews.worker.folder_watch import FolderWatch, WatchedFolders
from sagews.worker.following import Following
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.kept_folders import Closing
from sagews.worker.lease import Lease
from sagews.worker.live_session import LiveSession
from sagews.worker.people import People
from sagews.worker.run_records import RunRecords
from sagews.worker.session_process import Code
from sagews.worker.session_runs import Surroundings
from sagews.worker.settings import WorkerSettings
from sagews.worker.snapshot_outputs import fitted, size_of
from sagews.worker.stream import NumberedStream
from sagews.worker.tally import Tally
from sagews.worker.uploads import Uploads
from sagews.worker.versions import Versions
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
        tally: Tally,
        watch: FolderWatch,
        settings: WorkerSettings,
        versions: Versions | None = None,
    ) -> None:
        """Open it; what it had comes with the `open_workspace` message.

        :param versions: of its files, which are there already; None: none are kept.
        """
        self.name, self.epoch, self.folder, self.settings = name, epoch, folder, settings
        self.kept = opening.kept
        self.limits = opening.limits.tighter(settings.session_limits)
        self.environments = environments.names
        self.lease = Lease(settings.lease_seconds, needed=opening.kept)
        self.stream = stream = NumberedStream(name, epoch, settings.replay_events, settings.replay_bytes)
        self.records = RunRecords(settings.ended_runs)
        self.clients = ClientLog(settings.clients, settings.answers)
        self.people = People(name, epoch)
        self.following = Following(stream, self.people, self.clients, self.snapshot)
        self.following.on_leaving = self._left
        self.journal = JournalBacklog(stream, settings, kept=opening.kept)
        self.files = files = Files(folder.files)
        self.disk = DiskWatch(folder.files, self.limits)
        self.watched = WatchedFolders(watch, files, self._tell_change, settings.watched_folders)
        self.uploads = Uploads(folder.top / "uploads", files, settings.unfinished_uploads, settings.upload_seconds)
        digests = WrittenDigests(folder.top / "digests.json")
        self.documents = Documents(stream, self.journal, self.records, self.files, digests, settings)
        self.versions = versions
        self.checkpoints = Checkpoints(stream, self.documents, self.records, self.journal, versions, settings)
        self.checkpoints.is_busy = lambda: self.is_busy
        self.checkpoints.on_deleted = lambda path: self.moved(path, "")
        self.sessions: dict[str, LiveSession] = {}
        self._tasks: dict[LiveSession, asyncio.Task[None]] = {}
        self.account = opening.account or name
        """Whose sessions are counted together with those in here."""
        self._around = self._surroundings(environments, capacity, tally)
        self._begin(opening)

    def _begin(self, opening: OpenWorkspace) -> None:
        self.closed = False
        self._since = time.time()
        self.unused = Alarm(self.settings.workspace_idle_seconds, self._close_unused)
        self.on_unused: Callable[[], None] = lambda: None
        self.on_idle: Callable[[], None] = lambda: None
        """Called when something that ran is over; ask `is_busy`."""
        self.documents.restore(opening.documents, opening.journal)
        self.disk.on_near = lambda text: self._warn_sessions(text, "warning")
        self.disk.on_full = self._disk_full
        self.disk.on_overrun = self._disk_overrun
        self.unused.set()

    def _surroundings(self, environments: Environments, capacity: Capacity, tally: Tally) -> Surroundings:
        return Surroundings(
            stream=self.stream,
            records=self.records,
            environments=environments,
            capacity=capacity,
            folder=self.folder.files,
            kept_file=self.folder.kept_file,
            limits=self.limits,
            settings=self.settings,
            people=self.people,
            disk=self.disk,
            tally=tally,
        )

    @property
    def is_busy(self) -> bool:
        """Whether something runs or waits to be run."""
        return any(not session.queue.idle for session in self.sessions.values())

    # --- following

    def attach(self, connection: Connection, frame: Frame, actor: Actor) -> None:
        """Answer `attach`: everything since (epoch, n), or a snapshot; then what comes."""
        self.following.attach(connection, frame, actor)
        self.unused.stop()

    def snapshot(self) -> Snapshot:
        """Everything that the stream has told up to now."""
        sessions = self.sessions.values()
        queue: list[QueuedRun] = [run.place() for session in sessions for run in session.queue]
        snapshot = Snapshot(
            documents=self.documents.states(),
            sessions=tuple(session.session_state() for session in sessions),
            queue=tuple(queue),
            inputs=tuple(session.input for session in sessions if session.input is not None),
        )
        room = self.settings.snapshot_bytes - size_of(write_record(snapshot))
        room = min(room, self.settings.snapshot_outputs_bytes)
        return replace(snapshot, cells=fitted(self.records.records(), room))

    def record(self) -> OpenRecord:
        """What the site's operator sees of it."""
        sessions = tuple(session.session_state() for session in self.sessions.values())
        used = self.disk.used
        return OpenRecord(self.name, self.epoch, len(self.people), self._since, sessions, used.size_bytes, used.files)

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

        :raises NotFound: no such environment; OverLimit: too many sessions; Unavailable: the workspace is closing.
        """
        if self.closed:
            raise Unavailable("This workspace is being closed.", mend="Attach to it again.")
        if name in self.sessions:
            return self.sessions[name]
        environment = self.environment(environment)
        self._around.capacity.check_room()
        self._around.tally.begin(self.account, self.limits.sessions)
        self.unused.stop()
        session = LiveSession(self._around, name, environment, document)
        session.runs.on_outputs = self.checkpoints.ran
        session.on_idle = self._session_idle
        self.sessions[name] = session
        task = asyncio.create_task(session.live(), name=f"session {name}")
        self._tasks[session] = task
        task.add_done_callback(lambda task: self._session_over(session, task))
        return session

    def _session_over(self, session: LiveSession, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("Session failed", extra={"action": "session_failed"}, exc_info=task.exception())
        del self._tasks[session]
        self._around.tally.end(self.account)
        if self.sessions.get(session.name) is session:
            del self.sessions[session.name]
        self._note_unused()
        self.on_idle()

    def _session_idle(self) -> None:
        self.on_idle()

    def _close_unused(self) -> None:
        self.on_unused()

    def watch_file(self, path: str) -> None:
        """Notice what programs do to the file of an open text."""
        folder, _, _ = path.rpartition("/")
        if not is_worksheet(path) and (not folder or self.files.exists(folder)):
            self.watched.watch(folder)

    def _tell_change(self, path: str) -> None:
        self.documents.folder_changed(path)
        self.stream.append(FolderChanged(path))

    def _left(self) -> None:
        if not len(self.people):
            self.watched.stop()
        self._note_unused()

    def _note_unused(self) -> None:
        """Without sessions and people for a while, it closes."""
        if not self.sessions and not len(self.people) and not self.closed:
            self.unused.set()

    def _warn_sessions(self, text: str, level: Literal["warning", "error"]) -> None:
        for session in tuple(self.sessions.values()):
            session.warn(text, level)

    def _disk_full(self, text: str) -> None:
        """Interrupt what runs: it may be what writes."""
        self._warn_sessions(text, "error")
        for session in tuple(self.sessions.values()):
            session.interrupt()

    def _disk_overrun(self, reason: str) -> None:
        for session in tuple(self.sessions.values()):
            session.end(reason, "limit")

    def moved(self, path: str, to: str) -> None:
        """A file or folder was renamed, or deleted (`to` = ""): so were the documents there."""
        for document in self.documents.moved(path, to):
            if document.id in self.sessions:
                self.sessions[document.id].end("its worksheet was deleted", "shutdown")
        self.checkpoints.soon()

    def changed_by(self, actor: Actor | None) -> None:
        """Somebody changes its files or documents just now; None = nobody knows who."""
        if self.versions is not None and actor is not None:
            self.versions.authors.add(actor)
        self.checkpoints.soon()

    # --- its end

    async def close(self, reason: str, code: Code) -> None:
        """End its sessions, tell everyone attached, and let go of its folder."""
        self.closed = True
        self.unused.stop()
        self.watched.stop()
        for session in tuple(self.sessions.values()):
            session.end(reason, code)
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))
        await self.disk.close()
        await self.checkpoints.close()
        self.following.close(reason)
        self.journal.end(reason)
        if self.versions is not None:
            closing = Closing.of(self.versions, is_stored=self.checkpoints.is_stored)
            await asyncio.to_thread(closing.write, self.folder.top)
        self.folder.release()


def new_run_id() -> str:
    """Unlike any other run's, in this opening or another."""
    return secrets.token_hex(8)
