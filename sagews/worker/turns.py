"""Turns: one at a time for each name, whoever comes first; a name that nobody uses takes no memory. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """The locks of names."""

    def __init__(self) -> None:
        """Nobody has or wants a turn."""
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        """With how many have it or wait for it."""

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Have this name's turn as long as this is entered."""
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            users = self._locks[name][1] - 1
            if users:
                self._locks[name] = (lock, users)
            else:
                del self._locks[name]
