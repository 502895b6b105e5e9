"""Capacity: how many sessions the worker has at once; who comes later waits in a bounded queue. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sagews.errors import OverLimit


class Capacity:
    """Places for sessions, given in the order of asking."""

    def __init__(self, places: int, waiting: int) -> None:
        """:param waiting: so many may wait; the next one is refused."""
        self._free = places
        self._places = places
        self._maximum = waiting
        self._queue: list[tuple[asyncio.Future[None], Callable[[int], None]]] = []
        self.on_change: Callable[[], None] = lambda: None
        """Called when `taken` or `waiting` may have changed."""

    @property
    def places(self) -> int:
        """All of them."""
        return self._places

    @property
    def taken(self) -> int:
        """Places that are not free."""
        return self._places - self._free

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    def check_room(self) -> None:
        """Raises OverLimit where not even waiting is possible."""
        if not self._free and len(self._queue) >= self._maximum:
            raise OverLimit(
                f"All {self._places} sessions of this worker are taken, and {self._maximum} wait.",
                mend="Try again in a while.",
            )

    @asynccontextmanager
    async def place(self, tell: Callable[[int], None]) -> AsyncIterator[None]:
        """Have a place as long as this is entered.

        :param tell: is told one's place in the queue (1 = next) when it changes.
        :raises OverLimit: where too many wait.
        """
        await self._take(tell)
        self.on_change()
        try:
            yield
        finally:
            self._give()
            self.on_change()

    async def _take(self, tell: Callable[[int], None]) -> None:
        self.check_room()
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (turn, tell)
        self._queue.append(entry)
        tell(len(self._queue))
        self.on_change()
        try:
            await turn
        except asyncio.CancelledError:
            if entry in self._queue:
                place = self._queue.index(entry)
                del self._queue[place]
                self._tell_places(place)
            elif not turn.cancelled():
                self._give()
            self.on_change()
            raise

    def _give(self) -> None:
        """Hand the place to the next one, or keep it free."""
        while self._queue:
            turn, _ = self._queue.pop(0)
            if not turn.cancelled():  # otherwise who waited has just given up, and has not heard it yet
                turn.set_result(None)
                self._tell_places(0)
                return
        self._free += 1

    def _tell_places(self, first: int) -> None:
        """Those from here on are one place further on."""
        for place, (_, tell) in enumerate(self._queue[first:], first + 1):
            tell(place)
