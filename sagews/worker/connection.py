"""Connection: one peer of the worker, from its greeting to its end.

Invariants: until the greeting a peer has little time and small frames; what waits to be written to
it is bounded (events wait in the replay buffers, and a peer that does not take its answers is not read).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Literal, Protocol

from sagews.errors import MessageError, SagewsError
from sagews.messages import Decoder, Frame, encode
from sagews.messages.connection import Hello, Ping, Pong, Refused
from sagews.messages.frame import Malformed
from sagews.worker.fair_sender import FairSender, Source
from sagews.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

Role = Literal["browser", "backend", "bulk", "script", "log", ""]


class Host(Protocol):
    """What a connection needs of its server."""

    settings: WorkerSettings

    def greeted(self, connection: Connection, hello: Hello) -> Frame:
        """The welcome. Raises a SagewsError where the peer is refused."""

    def heard(self, connection: Connection, frame: Frame) -> None:
        """A frame of a greeted peer."""

    def gone(self, connection: Connection) -> None:
        """The connection is closed; it was greeted or not."""


class Connection(asyncio.Protocol):
    """One peer on a socket."""

    def __init__(self, host: Host, *, needs_token: bool) -> None:
        """Wait for the transport, and then for `hello`."""
        self.role: Role = ""
        self.needs_token = needs_token
        self.attached = 0
        """Channels that follow a workspace."""
        self.on_close: dict[object, Callable[[], None]] = {}
        """What to do when it is gone, each under a key by which it can be taken back."""
        self.on_abort: Callable[[], object] = lambda: None
        """Called where it has to go before it has a transport."""
        self.on_room: Callable[[], None] | None = None
        """Called when a full socket has room again (bulk transfers)."""
        self._host = host
        self._settings = host.settings
        self._decoder = Decoder(self._settings.hello_bytes)
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._silent_ticks = 0
        self._pump_scheduled = False
        self._sender = FairSender(self._write, self.has_room, self._settings.quantum_bytes)

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the greeting."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=self._settings.room_bytes)
        self._timer = self._loop.call_later(self._settings.hello_seconds, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._silent_ticks = 0
        try:
            frames = self._decoder.feed(data)
        except MessageError as error:
            self.refuse_and_close(error)
            return
        for frame in frames:
            if self.closed:
                return
            self._heard(frame)

    def resume_writing(self) -> None:
        """The socket took what waited: send on, read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._sender.pump()
        if self.on_room is not None:
            self.on_room()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the peer; its sessions stay."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        for call in tuple(self.on_close.values()):
            call()
        self.on_close.clear()
        self._host.gone(self)

    # --- for the server

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """Of the TLS connection; None on a Unix socket."""
        return self._transport.get_extra_info("ssl_object") if self._transport is not None else None

    def has_room(self) -> bool:
        """Whether an event may be written now rather than wait in a replay buffer."""
        return not self.closed and self._waiting_bytes() <= self._settings.room_bytes

    def send(self, frame: Frame) -> None:
        """Send an answer at once. A peer that leaves too many answers lie is not read any more."""
        if self.closed:
            return
        self._write(encode(frame))
        if self._transport is not None and self._waiting_bytes() > self._settings.answers_bytes:
            self._transport.pause_reading()

    def send_if_room(self, frame: Frame) -> None:
        """Send what may be lost (presence)."""
        if self.has_room():
            self._write(encode(frame))

    def refuse(self, frame: Frame, error: SagewsError) -> None:
        """Answer that what the frame asks for is not done, and why."""
        self.send(frame.reply(Refused.because(error, frame.content.type)))

    def refuse_and_close(self, error: SagewsError) -> None:
        """Say why, and close."""
        log.info("Peer refused", extra={"action": "peer_refused", "code": error.code, "what": error.what})
        self.send(Frame(content=Refused.because(error)))
        self.close()

    def wake(self, lane: str, source: Source) -> None:
        """Send what is new for the source, together with everything else of this turn of the loop."""
        self._sender.wake(lane, source)
        if not self._pump_scheduled:
            self._pump_scheduled = True
            self._loop.call_soon(self._pump)

    def forget(self, lane: str, source: Source) -> None:
        """Send nothing more of the source."""
        self._sender.drop(lane, source)

    def close(self) -> None:
        """Send what waits and close; a peer that does not take it is cut off."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.close()
            cut = self._loop.call_later(self._settings.hello_seconds, transport.abort)
            self.on_close[cut] = cut.cancel

    def abort(self) -> None:
        """Cut it off, also in the middle of its TLS handshake."""
        if self._transport is not None:
            self._transport.abort()
        else:
            self.on_abort()

    # --- inside

    def _heard(self, frame: Frame) -> None:
        content = frame.content
        if isinstance(content, Malformed):
            self.refuse(frame, content.error)
        elif not self.role:
            self._greet(frame)
        elif isinstance(content, Ping):
            self.send(frame.reply(Pong()))
        elif not isinstance(content, Pong):
            self._host.heard(self, frame)

    def _greet(self, frame: Frame) -> None:
        if not isinstance(frame.content, Hello):
            self.refuse_and_close(MessageError("The first message of a connection must be `hello`."))
            return
        try:
            welcome = self._host.greeted(self, frame.content)
        except SagewsError as error:
            self.refuse_and_close(error)
            return
        self.role = frame.content.role
        self._decoder.maximum_bytes = self._settings.frame_bytes
        if self._timer is not None:
            self._timer.cancel()
        self.send(welcome)
        if self.role == "backend":
            self._timer = self._loop.call_later(self._settings.silence_seconds, self._tick)

    def _tick(self) -> None:
        """Once in the silence time of a backend. Ticks are counted, not seconds, so that a worker that
        was itself held up does not take its peers for dead."""
        self._silent_ticks += 1
        if self._silent_ticks > self._settings.silent_ticks:
            log.warning("Backend is silent", extra={"action": "peer_silent"})
            if self._transport is not None:
                self._transport.abort()
            return
        if self._silent_ticks > 1:
            self.send(Frame(content=Ping()))
        self._timer = self._loop.call_later(self._settings.silence_seconds, self._tick)

    def _too_slow(self) -> None:
        self.refuse_and_close(MessageError("No `hello` came in time."))

    def _pump(self) -> None:
        self._pump_scheduled = False
        self._sender.pump()

    def _waiting_bytes(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
