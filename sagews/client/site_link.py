"""SiteLink: one websocket to a site, in the place of a connection to a worker, at whichever address answers."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from asyncio import Future
from collections.abc import Callable
from dataclasses import replace

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import HTTPStreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

import sagews
from sagews.client.origins import Origins
from sagews.client.refusals import error_of
from sagews.client.worker_link import OpenLink
from sagews.errors import MessageError, SagewsError, Unavailable, WorkerUnavailable
from sagews.messages.connection import PROTOCOL, Hello, Ping, Pong, Refused, Welcome
from sagews.messages.frame import Frame, dump, load

log = logging.getLogger(__name__)

GREETING_SECONDS = 10.0
OPENING_SECONDS = 1.5
"""For a connection, where there are other addresses to try; it doubles while none answers."""
CLOSE_SECONDS = 6.0
LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024


class SiteLink:
    """One websocket to a backend. Frames go to `on_frame` as they come; its end goes to `on_lost`, once."""

    def __init__(self, hello: Hello, on_frame: Callable[[Frame], None], on_lost: Callable[[], None]) -> None:
        """:param hello: what is said first."""
        self.welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._hello = hello
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._channels: dict[str, int] = {}
        """Of the workspaces: a backend names the workspace, not the channel."""
        self._socket: WebSocketClientConnection | None = None
        self._ended = asyncio.Event()

    async def open(self, url: str, context: ssl.SSLContext | None = None, seconds: float = GREETING_SECONDS) -> None:
        """Connect and greet.

        :param context: for HTTPS; default: what this machine trusts.
        :param seconds: for all of it.

        :raises Unavailable: where nobody answers in time; NotSignedIn, MessageError: where we are refused.
        """
        address = f"ws{url.removeprefix('http')}/sockjs/websocket"
        connecting = asyncio.ensure_future(
            websocket_connect(
                HTTPRequest(address, ssl_options=context, connect_timeout=seconds),
                on_message_callback=self._heard,
                max_message_size=LARGEST_MESSAGE_BYTES,
            )
        )
        greeted = False
        try:
            async with asyncio.timeout(seconds):
                self._socket = await asyncio.shield(connecting)
                self.send(Frame(content=self._hello))
                await self.welcome
            greeted = True
        except (OSError, ValueError, TimeoutError, HTTPClientError, HTTPStreamClosedError) as error:
            raise unreachable(url, error) from error
        finally:
            if not greeted:
                connecting.add_done_callback(_close_unused)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._socket is None

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises WorkerUnavailable where the connection is lost."""
        if self._socket is None:
            raise WorkerUnavailable("The connection to the site is lost.")
        if frame.channel:
            self._channels[frame.workspace] = frame.channel
        try:
            # A write that fails later is told by the message None, as every end of the connection.
            written = self._socket.write_message(dump(replace(frame, channel=0)))
        except WebSocketClosedError as error:
            raise WorkerUnavailable("The connection to the site is lost.") from error
        written.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def room(self) -> None:
        """Nothing large is sent this way."""

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()

    async def gone(self) -> None:
        """Wait until nothing is left of it, at most so long as Tornado waits for the other side's answer."""
        if self._socket is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                log.info("Site does not answer a close", extra={"action": "close_unanswered"})

    def _heard(self, text: str | bytes | None) -> None:
        if text is None:
            self._ended.set()
            socket, self._socket = self._socket, None
            if socket is not None:
                socket.close()  # Tornado keeps a connection that was cut until it is told so
            self._fail(Unavailable("The site closed the connection before its greeting."))
            self._on_lost()
            return
        frame = load(text)
        content = frame.content
        if isinstance(content, Ping):
            self.send(frame.reply(Pong()))
        elif self.welcome.done():
            self._on_frame(replace(frame, channel=self._channels.get(frame.workspace, 0)))
        elif isinstance(content, Welcome):
            self.welcome.set_result(content)
        else:
            self._fail(error_of(content) if isinstance(content, Refused) else MessageError("This is no site of ours."))
            self.close()

    def _fail(self, error: SagewsError) -> None:
        if not self.welcome.done():
            self.welcome.set_exception(error)
            self.welcome.exception()


def _close_unused(connecting: Future[WebSocketClientConnection]) -> None:
    """A connection that nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


def over_site(origins: Origins, token: str, context: ssl.SSLContext | None = None) -> OpenLink:
    """Connect to a site's websocket and greet, under the same name each time; at whichever address answers."""
    hello = Hello(PROTOCOL, PROTOCOL, sagews.__version__, "script", token, secrets.token_hex(8))
    rounds = 0

    async def connect(on_frame: Callable[[Frame], None], on_lost: Callable[[], None]) -> SiteLink:
        nonlocal rounds
        *others, last = origins.in_turn()
        seconds = min(OPENING_SECONDS * 2**rounds, GREETING_SECONDS)
        rounds += 1
        for origin in others:
            try:
                link = await open_at(origin, on_frame, on_lost, seconds)
            except Unavailable as error:
                log.info("Address does not answer", extra={"action": "address_left", "error": error.what})
                origins.leave(origin)
            else:
                rounds = 0
                return link
        link = await open_at(last, on_frame, on_lost, GREETING_SECONDS)
        rounds = 0
        return link

    async def open_at(
        origin: str, on_frame: Callable[[Frame], None], on_lost: Callable[[], None], seconds: float
    ) -> SiteLink:
        def lost() -> None:
            if link.welcome.done() and link.welcome.exception() is None:
                origins.leave(origin)
            on_lost()

        link = SiteLink(hello, on_frame, lost)
        await link.open(origin, context, seconds)
        origins.add(link.welcome.result().addresses)
        origins.use(origin)
        return link

    return connect


def unreachable(url: str, error: Exception) -> SagewsError:
    """The error where a site gave no answer at all."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unavailable(f"{url} does not answer ({reason}).", mend="Start it with `sagews run`, or correct the address.")
