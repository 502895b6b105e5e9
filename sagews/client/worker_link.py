"""WorkerLink: one connection to a worker, on TLS or on its Unix socket, after the greeting."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, Protocol

import sagews
from sagews.client.refusals import error_of
from sagews.errors import MessageError, SagewsError, WorkerUnavailable
from sagews.messages import Decoder, Frame, encode
from sagews.messages.connection import PROTOCOL, Hello, Ping, Pong, Refused, Welcome

SILENCE_SECONDS = 1.0
"""After so long without a word the worker is pinged; after three times as long it is dead."""
GREETING_SECONDS = 5.0


class Link(Protocol):
    """A connection after the greeting, whatever carries it."""

    welcome: asyncio.Future[Welcome]

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises WorkerUnavailable where the connection is lost."""

    async def room(self) -> None:
        """Wait until what was sent before has gone far enough."""

    def close(self) -> None:
        """Close it."""

    async def gone(self) -> None:
        """Wait until nothing is left of it."""


OpenLink = Callable[[Callable[[Frame], None], Callable[[], None]], Awaitable[Link]]
"""Connects and greets; gets who hears the frames, and who is told that the connection is lost."""

Connect = Callable[[Callable[[], "WorkerLink"]], Awaitable["WorkerLink"]]
"""Makes a connection with the link that it is given."""


def over_unix(path: Path | str) -> Connect:
    """Connect to a worker's Unix socket."""

    async def connect(make: Callable[[], WorkerLink]) -> WorkerLink:
        _, link = await asyncio.get_running_loop().create_unix_connection(make, str(path))
        return link

    return connect


def over_tls(host: str, port: int, context: ssl.SSLContext) -> Connect:
    """Connect to a worker on TLS; the context has our certificate and checks the worker's."""

    async def connect(make: Callable[[], WorkerLink]) -> WorkerLink:
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(make, host, port, ssl=context)
        return link

    return connect


class WorkerLink(asyncio.Protocol):
    """One connection. Frames go to `on_frame` as they come; its end goes to `on_lost`, once."""

    def __init__(self, hello: Hello, on_frame: Callable[[Frame], None], on_lost: Callable[[], None]) -> None:
        """:param hello: what is said first."""
        self.welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._hello = hello
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._room = asyncio.Event()
        self._gone = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._silent_ticks = 0
        self.was_silent = False
        """Whether it was given up because nothing came any more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._room.set()
        self.send(Frame(content=self._hello))

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._silent_ticks = 0
        try:
            frames = self._decoder.feed(data)
        except MessageError as error:
            self._fail(error)
            return
        for frame in frames:
            self._heard(frame)

    def pause_writing(self) -> None:
        """The worker does not take more now."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._room.set()

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._transport = None
        self._room.set()
        if self._timer is not None:
            self._timer.cancel()
        if not self.welcome.done():
            self.welcome.set_exception(WorkerUnavailable("The worker closed the connection before its greeting."))
            self.welcome.exception()
        self._gone.set()
        self._on_lost()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises WorkerUnavailable where the connection is lost."""
        if self._transport is None or self._transport.is_closing():
            raise WorkerUnavailable("The connection to the worker is lost.")
        self._transport.write(encode(frame))

    async def room(self) -> None:
        """Wait until what was sent before has gone far enough (bulk transfers)."""
        await self._room.wait()

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()

    async def gone(self) -> None:
        """Wait until nothing is left of it; a worker that does not take what was sent is given up."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            await self.cut()

    async def cut(self) -> None:
        """Close it at once; returns when nothing is left of it."""
        if self._transport is not None:
            self._transport.abort()
            await self._gone.wait()

    def _heard(self, frame: Frame) -> None:
        content = frame.content
        if isinstance(content, Ping):
            self.send(frame.reply(Pong()))
        elif isinstance(content, Pong):
            return
        elif self.welcome.done():
            self._on_frame(frame)
        elif isinstance(content, Welcome):
            self.welcome.set_result(content)
            self._timer = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._tick)
        else:
            refusal = error_of(content) if isinstance(content, Refused) else MessageError("This is no worker of ours.")
            self._fail(refusal)

    def _fail(self, error: SagewsError) -> None:
        if not self.welcome.done():
            self.welcome.set_exception(error)
            self.welcome.exception()
        self.close()

    def _tick(self) -> None:
        self._silent_ticks += 1
        if self._transport is None:
            return
        if self._silent_ticks > 3:
            self.was_silent = True
            self._transport.abort()
            return
        if self._silent_ticks > 1 and not self.closed:
            self.send(Frame(content=Ping()))
        self._timer = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._tick)


async def open_link(
    connect: Connect,
    role: Literal["backend", "bulk", "script"],
    token: str,
    on_frame: Callable[[Frame], None],
    on_lost: Callable[[], None],
) -> WorkerLink:
    """Connect and greet.

    :raises WorkerUnavailable: where nobody answers in time; NotSignedIn, MessageError: where we are refused.
    """
    link = WorkerLink(Hello(PROTOCOL, PROTOCOL, sagews.__version__, role, token), on_frame, on_lost)
    greeted = False
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            await connect(lambda: link)
            await link.welcome
        greeted = True
    except (OSError, TimeoutError) as error:
        raise WorkerUnavailable(f"The worker does not answer ({str(error) or 'time-out'}).") from error
    finally:
        if not greeted:
            await link.cut()
    return link
