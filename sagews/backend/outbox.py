"""What waits to be sent to one client about one workspace.

Invariant: events are refused when `MAXIMUM_BYTES` wait already (the worker keeps them for replay); answers are always
taken, there are no more of them than questions that the client was allowed to ask.
"""

from __future__ import annotations

from collections import deque

from sagews.backend.bell import Bell

MAXIMUM_BYTES = 4 * 2**20


class Outbox:
    """A queue of message texts, bounded by their length."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._bytes = 0
        self._bell = Bell()

    def has_room(self, text: str) -> bool:
        """Whether an event may be put."""
        return not self._texts or self._bytes + len(text) <= MAXIMUM_BYTES

    def put(self, text: str) -> None:
        """Put an event for which there is room, or an answer."""
        self._texts.append(text)
        self._bytes += len(text)
        self._bell.ring()

    async def get(self) -> str:
        """The next text; waits for one."""
        await self._bell.until(lambda: self._texts)
        text = self._texts.popleft()
        self._bytes -= len(text)
        if not self._texts:
            self._bell.ring()
        return text

    async def emptied(self) -> None:
        """Wait until everything was taken."""
        await self._bell.until(lambda: not self._texts)

    def clear(self) -> None:
        """Drop what waits."""
        self._texts.clear()
        self._bytes = 0
        self._bell.ring()
