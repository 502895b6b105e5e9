"""The transports by which a client hears: a request that waits for frames.

Invariant: a receiver is detached before its last bytes go out, so the client's next request finds the session free.
Source: SockJS protocol 0.3.3, sections "XhrPolling" to "JsonpPolling".
"""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import ClassVar

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from sagews.backend.sockjs.frames import close_frame
from sagews.backend.sockjs.handler import TransportHandler
from sagews.backend.sockjs.http_session import HttpSession

_ANOTHER = close_frame(2010, "Another connection still open")
# Nothing in it can end a string or an expression; short, so that no other file format can be forged with it.
_CALLBACK = re.compile(r"[A-Za-z0-9_.$-]{1,64}")


class Receiver(TransportHandler):
    """What polling and streaming share."""

    transport: ClassVar[str]
    content_type: ClassVar[str] = "application/javascript; charset=UTF-8"
    session: HttpSession | None = None

    @abstractmethod
    def wrap(self, frame: bytes) -> bytes:
        """A frame in the clothes of this transport."""

    def on_connection_close(self) -> None:
        """The client hung up."""
        super().on_connection_close()
        if self.session is not None:
            self.session.interrupt(self)

    async def receive(self, session_id: str) -> None:
        """Serve one request."""
        service = self.service
        session = service.find(self.request, session_id)
        if session is None:
            if not service.has_room():
                self.refuse(503, "Too many sessions are open; try again in a moment.")
                return
            session = service.open(self.request, session_id, self.transport)
        if session is None:
            self.refuse(404, "There is no such session.")
            return
        self.session = session if session.attach(self) else None
        self.set_header("Content-Type", self.content_type)
        try:
            await self.answer()
        except StreamClosedError:
            self.on_connection_close()

    @abstractmethod
    async def answer(self) -> None:
        """Send frames of ``self.session``; None means that another request receives them."""

    def callback(self) -> str | None:
        """The name of the page's function, or None after refusing the request."""
        name = self.get_query_argument("c", "") or self.get_query_argument("callback", "")
        if not name:
            self.refuse(500, '"callback" parameter required')
        elif not _CALLBACK.fullmatch(name):
            self.refuse(500, 'invalid "callback" parameter')
        else:
            return name
        return None


class Poll(Receiver):
    """One frame a request."""

    async def answer(self) -> None:
        """See `Receiver.answer`."""
        frame: bytes | None = _ANOTHER
        if self.session is not None:
            frame = await self.session.next_frame(self, self.service.settings.response_limit_bytes)
            self.session.detach(self)
        if frame is not None:
            await self.finish(self.wrap(frame))


class Stream(Receiver):
    """Frames until the response is so long that a browser should free its memory."""

    @abstractmethod
    def prelude(self) -> bytes:
        """What goes first."""

    async def answer(self) -> None:
        """See `Receiver.answer`."""
        await self._pass_on(self.prelude())
        if self.session is None:
            await self._pass_on(self.wrap(_ANOTHER))
        else:
            await self._stream(self.session)
        connection = self.request.connection
        await self.finish()
        # HTTP/1.0 knows the end of such a body only by the end of the connection.
        if self.request.version == "HTTP/1.0" and isinstance(connection, HTTP1Connection):
            connection.close()

    async def _stream(self, session: HttpSession) -> None:
        left = self.service.settings.response_limit_bytes
        while left > 0:
            frame = await session.next_frame(self, left)
            if frame is None:
                raise StreamClosedError
            data = self.wrap(frame)
            left = 0 if frame.startswith(b"c") else left - len(data)
            if left <= 0:
                session.detach(self)
            await self._pass_on(data)

    async def _pass_on(self, data: bytes) -> None:
        self.write(data)
        await self.flush()
