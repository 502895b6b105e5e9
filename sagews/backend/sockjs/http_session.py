"""A session over HTTP: messages wait in it until a receiver, which is a request that waits, fetches them.

Invariant: at most one receiver is attached; a session without one ends after the disconnect delay.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from sagews.backend.sockjs.connection import Connection
from sagews.backend.sockjs.frames import HEARTBEAT, OPEN, close_frame, messages_frame, quote
from sagews.backend.sockjs.session import Session
from sagews.backend.sockjs.settings import SockJSSettings


class HttpSession(Session):
    """What the polling and streaming transports share."""

    def __init__(self, connection: Connection, settings: SockJSSettings, forget: Callable[[], None]) -> None:
        """
        :param forget: called once, when nobody can ask for this session any more.
        """
        super().__init__(connection, settings)
        self.identity = connection.facts.identity
        self._settings = settings
        self._forget = forget
        self._greeted = False
        self._waiting: deque[bytes] = deque()
        self._receiver: object | None = None
        self._news = asyncio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        self._forgotten = False

    async def send(self, text: str) -> None:
        """See `Session.send`."""
        message = quote(text)
        await self._outward.reserve(len(message))
        self._waiting.append(message)
        self._news.set()

    def attach(self, receiver: object) -> bool:
        """Make this the receiver, unless another one waits (protocol: "Another connection still open")."""
        if self._receiver is not None:
            return False
        self._receiver = receiver
        if self._expiry is not None:
            self._expiry.cancel()
        return True

    def detach(self, receiver: object) -> None:
        """The receiver has got enough; the client has the disconnect delay to come again."""
        if self._receiver is receiver:
            self._receiver = None
            self._news.set()
            if not self._forgotten:
                delay = self._settings.disconnect_seconds
                self._expiry = asyncio.get_running_loop().call_later(delay, self.expire)

    def interrupt(self, receiver: object) -> None:
        """The receiver was cut off: something may be lost, so the session is over (protocol: "Handling close")."""
        if self._receiver is receiver:
            self._waiting.clear()
            self.lose()
            self.detach(receiver)

    async def next_frame(self, receiver: object, limit_bytes: int) -> bytes | None:
        """Wait for the next frame.

        :param limit_bytes: take no further message once the frame has this size.
        :return: a frame, or None where the receiver is not attached any more.
        """
        while self._receiver is receiver:
            if not self._greeted:
                self._greeted = True
                return OPEN
            if self._waiting:
                return messages_frame(self._take(limit_bytes))
            if self._ending is not None:
                return close_frame(*self._ending)
            self._news.clear()
            try:
                async with asyncio.timeout(self._settings.heartbeat_seconds):
                    await self._news.wait()
            except TimeoutError:
                return HEARTBEAT
        return None

    def expire(self) -> None:
        """Nobody fetches any more: end, if that is not done yet, and be forgotten."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._waiting.clear()
        self.lose()
        if not self._forgotten:
            self._forgotten = True
            self._forget()

    def _take(self, limit_bytes: int) -> list[bytes]:
        taken: list[bytes] = []
        size = 0
        while self._waiting and size < limit_bytes:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        self._outward.release(size)
        return taken

    def _on_end(self) -> None:
        self._news.set()
