"""JournalBacklog: the updates of one open workspace that nobody has journaled yet, and who follows them.

Invariants: an update stays here until a backend says that it (or a checkpoint that contains it) is
stored; every follower gets every update after its `journal_followed` once, in order; both are bounded.
"""

from __future__ import annotations

from collections import deque

from sagews.errors import Unavailable
from sagews.messages.frame import Frame
from sagews.messages.records import JournalEntry
from sagews.messages.workspace import JournalFollowed, WorkspaceClosed
from sagews.worker.connection import Connection
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream, on_channel


class Follower:
    """A connection that is sent every update, on channel 0."""

    def __init__(self, connection: Connection) -> None:
        """Nothing waits for it yet."""
        self.connection = connection
        self.waiting: deque[bytes] = deque()

    def next(self) -> bytes | None:
        """What the connection sends next."""
        return on_channel(self.waiting.popleft(), 0) if self.waiting else None


class JournalBacklog:
    """Of one opening of a workspace."""

    def __init__(self, stream: NumberedStream, settings: WorkerSettings, *, kept: bool) -> None:
        """:param kept: False: a scratch workspace, which has no journal."""
        self._stream = stream
        self._settings = settings
        self._kept = kept
        self._entries: deque[JournalEntry] = deque()
        self._bytes = 0
        self._followers: dict[Connection, Follower] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def followers(self) -> tuple[Connection, ...]:
        """Those that follow, longest first."""
        return tuple(self._followers)

    def check_room(self, size: int) -> None:
        """Raises Unavailable where an update of this size would be too much."""
        full = len(self._entries) >= self._settings.unjournaled_updates
        if full or (self._entries and self._bytes + size > self._settings.unjournaled_bytes):
            raise Unavailable("Too many edits wait to be stored; this one is not taken.")

    def add(self, entry: JournalEntry) -> None:
        """An update that was just told as the event with the same number."""
        if not self._kept:
            return
        self._entries.append(entry)
        self._bytes += len(entry.update)
        event = self._stream.event(entry.n)
        for follower in tuple(self._followers.values()):
            follower.waiting.append(event)
            if len(follower.waiting) > self._settings.unjournaled_updates:
                follower.connection.close()  # so far behind, it follows nothing
            else:
                follower.connection.wake(self._stream.workspace, follower)

    def stored(self, n: int) -> None:
        """Every update up to n is in the journal or in a checkpoint."""
        while self._entries and self._entries[0].n <= n:
            self._bytes -= len(self._entries.popleft().update)

    def follow(self, connection: Connection, frame: Frame) -> None:
        """Answer `follow_journal`."""
        if connection not in self._followers:
            self._followers[connection] = Follower(connection)
            connection.on_close[self, connection] = lambda: self._left(connection)
        follower = self._followers[connection]
        follower.waiting.clear()  # the answer has them
        answer = frame.reply(JournalFollowed(tuple(self._entries)), n=self._stream.last, epoch=self._stream.epoch)
        connection.send(answer)

    def end(self, reason: str) -> None:
        """The workspace is closed; its followers hear of it (of a scratch workspace they have to ask)."""
        closed = Frame(content=WorkspaceClosed(reason), workspace=self._stream.workspace, epoch=self._stream.epoch)
        for connection in self.followers:
            self._left(connection)
            connection.on_close.pop((self, connection), None)
            if self._kept:
                connection.send(closed)

    def _left(self, connection: Connection) -> None:
        follower = self._followers.pop(connection, None)
        if follower is not None:
            connection.forget(self._stream.workspace, follower)
