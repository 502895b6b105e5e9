"""A worker that does exactly what a test says, on a real Unix socket: for what a real one does rarely.

It speaks the protocol's part between worker and backend: opening, following, attaching, updates, checkpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sagews.certificates import Role, ensure, server_context
from sagews.configuration import Configuration
from sagews.configuration.run_files import tell_status
from sagews.errors import NotFound
from sagews.messages import Decoder, Frame, encode
from sagews.messages.connection import Done, Hello, Ping, Pong, Refused, Welcome
from sagews.messages.frame import Message
from sagews.messages.records import JournalEntry, Snapshot
from sagews.messages.room import Room
from sagews.messages.workspace import (
    Acknowledged,
    Attach,
    Attached,
    CloseWorkspace,
    Detach,
    DocumentUpdate,
    FollowJournal,
    Journaled,
    JournalFollowed,
    OpenWorkspace,
    Update,
)
from tests.integration.backend.scripted_files import ScriptedFiles


@dataclass
class Opened:
    """A workspace that is open."""

    epoch: int
    content: OpenWorkspace
    events: list[Frame] = field(default_factory=list)
    unjournaled: tuple[JournalEntry, ...] = ()


class Peer(asyncio.Protocol):
    """A backend's connection."""

    def __init__(self, worker: ScriptedWorker) -> None:
        self.worker = worker
        self.decoder = Decoder()
        self.channels: dict[int, str] = {}
        self.cursors: dict[int, int] = {}
        self.is_bulk = False
        self.has_room = True
        self.follows: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=256 * 1024)
        self.worker.peers.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.worker.peers.remove(self)

    def data_received(self, data: bytes) -> None:
        for frame in self.decoder.feed(data):
            self.worker.heard.append(frame)
            for answer in self.worker.answers(self, frame):
                self.say(answer)
            self.pump()

    def pause_writing(self) -> None:
        self.has_room = False

    def resume_writing(self) -> None:
        self.has_room = True
        self.pump()

    def pump(self) -> None:
        """Tell what is new on each channel, as far as there is room."""
        for channel, workspace in self.channels.items():
            events = self.worker.open[workspace].events if workspace in self.worker.open else []
            while self.has_room and self.cursors[channel] < len(events):
                event = events[self.cursors[channel]]
                self.cursors[channel] += 1
                self.say(replace(event, channel=channel))

    def say(self, frame: Frame) -> None:
        """Send a frame."""
        self.transport.write(encode(frame))


class ScriptedWorker:
    """The worker."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.heard: list[Frame] = []
        self.peers: list[Peer] = []
        self.open: dict[str, Opened] = {}
        self.files = ScriptedFiles()
        self.room: Room | None = None
        """What it tells to a backend together with its welcome."""
        self.ack_first = True
        """Whether an update is acknowledged before or after the journal's follower hears of it."""

    async def __aenter__(self) -> ScriptedWorker:
        identity = ensure(self.configuration.certificate_folder).identity(Role.WORKER)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), "127.0.0.1", 0, ssl=server_context(identity))
        status = self.configuration.status_file("worker", 0)
        status.parent.mkdir(parents=True, exist_ok=True)
        tell_status(status, port=self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for peer in list(self.peers):
            peer.transport.abort()
        await self._server.wait_closed()

    def said(self, kind: type[Message]) -> list[Frame]:
        """What it heard of this type."""
        return [frame for frame in self.heard if isinstance(frame.content, kind)]

    def event(self, workspace: str, content: Message) -> Frame:
        """Number an event and tell it to everybody who is attached."""
        opened = self.open[workspace]
        frame = Frame(content=content, workspace=workspace, epoch=opened.epoch, n=len(opened.events) + 1)
        opened.events.append(frame)
        for peer in self.peers:
            peer.pump()
        return frame

    def journal(self, frame: Frame) -> None:
        """Tell an event to those who follow the journal."""
        for peer in self.peers:
            if frame.workspace in peer.follows:
                peer.say(frame)

    def answers(self, peer: Peer, frame: Frame) -> Iterator[Frame]:
        """What a frame is answered."""
        content, opened = frame.content, self.open.get(frame.workspace)
        if peer.is_bulk:
            yield from self.files.answers(frame)
        elif isinstance(content, Hello):
            peer.is_bulk = content.role == "bulk"
            yield frame.reply(Welcome(1, "scripted", ("python",)))
            if self.room is not None and content.role == "backend":
                yield Frame(content=self.room)
        elif isinstance(content, Ping):
            yield frame.reply(Pong())
        elif isinstance(content, OpenWorkspace):
            self.open[frame.workspace] = Opened(frame.epoch, content)
            yield frame.reply(Done())
        elif isinstance(content, CloseWorkspace):
            self.open.pop(frame.workspace, None)
        elif isinstance(content, FollowJournal | Attach) and (
            opened is None or (opened.epoch != frame.epoch and isinstance(content, FollowJournal))
        ):
            yield frame.reply(Refused.because(NotFound("It is not open here."), content.type))
        elif opened is not None:
            yield from self._about(peer, frame, opened)

    def _about(self, peer: Peer, frame: Frame, opened: Opened) -> Iterator[Frame]:
        content = frame.content
        if isinstance(content, FollowJournal):
            peer.follows.add(frame.workspace)
            yield frame.reply(JournalFollowed(opened.unjournaled), n=len(opened.events))
        elif isinstance(content, Detach):
            peer.channels.pop(frame.channel, None)
        elif isinstance(content, Attach):
            resumed = frame.epoch == opened.epoch
            n = frame.n if resumed else len(opened.events)
            attached = Attached("resumed" if resumed else "snapshot", None if resumed else Snapshot())
            peer.cursors[frame.channel] = n
            yield frame.reply(attached, n=n, epoch=opened.epoch)
            peer.channels[frame.channel] = frame.workspace
        elif isinstance(content, Journaled):
            opened.unjournaled = tuple(entry for entry in opened.unjournaled if entry.n > frame.n)
        elif isinstance(content, Update):
            yield from self._update(frame, content, opened)

    def _update(self, frame: Frame, content: Update, opened: Opened) -> Iterator[Frame]:
        event = self.event(frame.workspace, DocumentUpdate(content.document, content.update, "a.ipynb", "solo"))
        acknowledged = frame.reply(Acknowledged(), n=event.n, epoch=opened.epoch)
        if self.ack_first:
            yield acknowledged
        self.journal(event)
        if not self.ack_first:
            yield acknowledged
