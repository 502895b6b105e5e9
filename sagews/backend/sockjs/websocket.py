"""Sessions over WebSockets, with the frames of SockJS or raw.

Invariant: the session lives exactly as long as its socket.
Source: SockJS protocol 0.3.3, sections "WebSocket protocols" and "Raw WebSocket url"; RFC 6455.
"""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

from tornado.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol

from sagews.backend.sockjs.connection import Connection
from sagews.backend.sockjs.frames import HEARTBEAT, OPEN, close_frame, decode_messages, messages_frame, quote
from sagews.backend.sockjs.handler import SockJSHandler
from sagews.backend.sockjs.session import Session
from sagews.backend.sockjs.settings import SockJSSettings
from sagews.errors import Disconnected, MessageError

log = logging.getLogger(__name__)

_REASON_BYTES = 123  # RFC 6455, section 5.5
_SILENT_BEATS = 3  # a client that answers none of so many pings is gone
_NORMAL = 1000


class WebSocketSession(Session):
    """One socket. The two transports differ in what they write."""

    def __init__(self, connection: Connection, settings: SockJSSettings, socket: WebSocketTransport) -> None:
        super().__init__(connection, settings)
        self._socket = socket
        self._heartbeat_seconds = settings.heartbeat_seconds
        self._silent_beats = 0
        self._beat = asyncio.get_running_loop().call_later(self._heartbeat_seconds, self._send_heartbeat)

    def hear(self) -> None:
        """Something arrived: the client lives."""
        self._silent_beats = 0

    async def send(self, text: str) -> None:
        """See `Session.send`."""
        message = self._socket.encode(text)
        await self._outward.reserve(len(message))
        try:
            written = asyncio.ensure_future(self._socket.write_message(message))
        except WebSocketClosedError as error:
            self._outward.release(len(message))
            self.lose()
            raise Disconnected from error
        written.add_done_callback(lambda done: self._on_written(done, len(message)))

    def _on_written(self, done: asyncio.Future[None], size: int) -> None:
        self._outward.release(size)
        if not done.cancelled() and done.exception() is not None:
            self.lose()

    def _send_heartbeat(self) -> None:
        if not self._outward.reserved_bytes:  # else the line is busy anyway
            self._silent_beats += 1
            if self._silent_beats > _SILENT_BEATS:
                self._socket.abort()
                return
            self._socket.send_heartbeat()
        self._beat = asyncio.get_running_loop().call_later(self._heartbeat_seconds, self._send_heartbeat)

    def _on_end(self) -> None:
        self._beat.cancel()
        if self._ending is not None:
            self._socket.say_goodbye(*self._ending)


class WebSocketTransport(SockJSHandler, WebSocketHandler):
    """What both transports share; this one is raw (``/websocket``)."""

    methods: ClassVar[tuple[str, ...]] = ("GET",)
    transport: ClassVar[str] = "raw_websocket"
    session: WebSocketSession | None = None

    def prepare(self) -> None:
        """Refuse where it is switched off or full."""
        super().prepare()
        if self.refused or self.request.method not in self.methods:
            return
        if not self.service.settings.websockets:
            self.refuse(404, "WebSockets are switched off here.")
        elif not self.service.has_room():
            self.refuse(503, "Too many sessions are open; try again in a moment.")

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Drafts 7 to 12 (versions 7 and 8) use the frames of RFC 6455 (version 13)."""
        if self.request.headers.get("Sec-WebSocket-Version") in ("7", "8"):
            self.request.headers["Sec-WebSocket-Version"] = "13"
        return super().get_websocket_protocol()

    @property
    def max_message_size(self) -> int:
        """A larger message ends the connection with code 1009."""
        return self.service.settings.maximum_message_bytes

    async def open(self, *args: str) -> None:
        """The handshake is done."""
        self.set_nodelay(True)
        self.greet()
        connection = self.service.connect(self.request, self.transport)
        self.session = WebSocketSession(connection, self.service.settings, self)
        self.service.sessions.add(self.session)

    async def on_message(self, message: str | bytes) -> None:
        """One message of the client; the next is read only when this one has found room."""
        try:
            text = message if isinstance(message, str) else message.decode()
            messages = self.decode(text)
        except (MessageError, UnicodeDecodeError) as error:
            log.info("Broken SockJS message", extra={"action": "sockjs_broken_message", "error": str(error)})
            self.abort()
            return
        if self.session is not None:
            self.session.hear()
            await self.session.deliver(messages)

    def on_pong(self, data: bytes) -> None:
        """The client answered a heartbeat."""
        if self.session is not None:
            self.session.hear()

    def on_close(self) -> None:
        """The socket is gone."""
        if self.session is not None:
            self.session.lose()

    def abort(self) -> None:
        """Cut the connection (protocol: after broken data, "the server must abruptly terminate")."""
        stream = getattr(self.ws_connection, "stream", None)
        if stream is not None:
            stream.close()

    def say_goodbye(self, code: int, reason: str) -> None:
        """Close from our side; nothing happens where the socket is closed already."""
        on_wire = code if code in (1000, 1001, 1008, 1011) or 3000 <= code <= 4999 else _NORMAL
        self.close(on_wire, reason.encode("utf-8", "replace")[:_REASON_BYTES].decode("utf-8", "ignore"))

    def greet(self) -> None:
        """A raw client needs no open frame."""

    def send_heartbeat(self) -> None:
        """A ping: keeps proxies from cutting a quiet connection, and tells whether the client lives."""
        try:
            self.ping()
        except WebSocketClosedError:
            log.debug("WebSocket closed before its heartbeat", extra={"action": "sockjs_heartbeat_too_late"})

    def encode(self, text: str) -> bytes:
        """The text itself; lone surrogates, which have no UTF-8, become question marks."""
        return text.encode("utf-8", "replace")

    def decode(self, text: str) -> list[str]:
        """The text itself."""
        return [text]


class FramedWebSocket(WebSocketTransport):
    """``/SERVER/SESSION/websocket``: the frames of SockJS."""

    transport = "websocket"

    def greet(self) -> None:
        """The open frame."""
        self._write(OPEN)

    def send_heartbeat(self) -> None:
        """The heartbeat frame, for the page; a ping, for us."""
        self._write(HEARTBEAT)
        super().send_heartbeat()

    def encode(self, text: str) -> bytes:
        """A frame with one message."""
        return messages_frame([quote(text)])

    def decode(self, text: str) -> list[str]:
        """The messages in it; nothing is no mistake here."""
        return decode_messages(text) if text else []

    def say_goodbye(self, code: int, reason: str) -> None:
        """The close frame of SockJS, then that of WebSockets."""
        self._write(close_frame(code, reason))
        super().say_goodbye(code, reason)

    def _write(self, frame: bytes) -> None:
        try:
            self.write_message(frame).add_done_callback(lambda done: done.cancelled() or done.exception())
        except WebSocketClosedError:
            log.debug("WebSocket closed before a frame", extra={"action": "sockjs_frame_too_late"})
