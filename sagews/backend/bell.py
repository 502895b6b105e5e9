"""A bell: whoever waits for a state of something looks again when it rings.

`asyncio.Condition` without its lock: in one event loop nothing changes between two awaits, and so code that must not
wait can ring too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Bell:
    """Wakes those who wait."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Something changed."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, state: Callable[[], object]) -> None:
        """Wait until the state is true; it is looked at now, and whenever the bell rings."""
        while not state():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)
