"""A bound on bytes in flight.

Invariant: no more bytes are reserved than the limit, but for one single larger item that goes alone.
"""

from __future__ import annotations

import asyncio

from sagews.errors import Disconnected


class Window:
    """Lets those who produce bytes wait, first come first served, while those who consume them are behind."""

    def __init__(self, limit_bytes: int) -> None:
        """
        :param limit_bytes: more than 0.
        """
        self._limit = limit_bytes
        self._reserved = 0
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def reserved_bytes(self) -> int:
        """How much is in flight."""
        return self._reserved

    async def reserve(self, size: int) -> None:
        """Wait until ``size`` more bytes fit, and take them.

        :raises Disconnected: the window was closed, before or while this waited.
        """
        async with self._turn:
            while not self._closed and self._reserved and self._reserved + size > self._limit:
                self._changed.clear()
                await self._changed.wait()
            if self._closed:
                raise Disconnected
            self._reserved += size

    def release(self, size: int) -> None:
        """Give back what was reserved."""
        self._reserved -= size
        self._changed.set()

    def close(self) -> None:
        """Refuse what waits and what comes."""
        self._closed = True
        self._changed.set()
