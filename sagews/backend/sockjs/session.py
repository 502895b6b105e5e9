"""The life of one session, whatever carries it.

Invariant: one task calls the application (`on_open`, each `on_message`, `on_close`), so these never overlap.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from sagews.backend.sockjs.connection import Connection
from sagews.backend.sockjs.settings import SockJSSettings
from sagews.backend.sockjs.window import Window
from sagews.errors import Disconnected

log = logging.getLogger(__name__)

INTERNAL_ERROR = 1011  # RFC 6455, section 7.4.1
INTERRUPTED = 1002  # SockJS protocol, "Handling close"


class Session(ABC):
    """Messages in, messages out, and how it ends."""

    def __init__(self, connection: Connection, settings: SockJSSettings) -> None:
        """Begins to live at once: needs a running event loop."""
        self._connection = connection
        self._inward = Window(settings.maximum_buffer_bytes)
        self._outward = Window(settings.maximum_buffer_bytes)
        self._inbox: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._ending: tuple[int, str] | None = None
        connection.attach_peer(self)
        self._life = asyncio.create_task(self._live())

    @property
    def ending(self) -> tuple[int, str] | None:
        """Code and reason of the end; None while open."""
        return self._ending

    @abstractmethod
    async def send(self, text: str) -> None:
        """Queue one message for the client; waits for room. Raises Disconnected at the end."""

    async def deliver(self, messages: Sequence[str]) -> None:
        """Take messages of the client; waits for room. At the end of the session they are dropped."""
        try:
            await self._inward.reserve(sum(map(len, messages)))
        except Disconnected:
            return
        self._inbox.extend(messages)
        self._arrived.set()

    def close(self, code: int, reason: str) -> None:
        """The application ends it: what the client sent and is not handled yet does not count any more."""
        if self._ending is None:
            self._inbox.clear()
            self._end(code, reason)

    def lose(self) -> None:
        """The client is gone: what it sent before is still handled."""
        self._end(INTERRUPTED, "Connection interrupted")

    async def finished(self) -> None:
        """Wait until `on_close` has returned."""
        await asyncio.wait([self._life])

    def when_finished(self, callback: Callable[[], None]) -> None:
        """Call this when `on_close` has returned."""
        self._life.add_done_callback(lambda _: callback())

    def _end(self, code: int, reason: str) -> None:
        if self._ending is None:
            self._ending = (code, reason)
            self._inward.close()
            self._outward.close()
            self._arrived.set()
            self._on_end()

    @abstractmethod
    def _on_end(self) -> None:
        """What the transport does once when the session ends."""

    async def _live(self) -> None:
        await self._guard(self._connection.on_open())
        while True:
            while not self._inbox and self._ending is None:
                self._arrived.clear()
                await self._arrived.wait()
            if not self._inbox:
                break
            text = self._inbox.popleft()
            await self._guard(self._connection.on_message(text))
            self._inward.release(len(text))
        await self._guard(self._connection.on_close())

    async def _guard(self, step: Awaitable[None]) -> None:
        """Run the application's code: its mistakes end this session, nothing else."""
        try:
            await step
        except Exception as error:
            if isinstance(error, Disconnected) and self._ending is not None:
                return  # the usual way in which a sender learns of the end
            log.exception("SockJS application failed", extra={"action": "sockjs_application_failed"})
            self.close(INTERNAL_ERROR, "Internal error")
