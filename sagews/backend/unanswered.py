"""The numbered messages of one client that are not answered yet, in the order of their numbers.

Invariant: at most `MAXIMUM_MESSAGES` and about `MAXIMUM_BYTES`; who brings more waits. They are kept here so that after
a worker's death they can be given to the next one, without a gap: a worker takes a higher number as a sign that it
has obeyed the lower ones.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sagews.messages import Frame

MAXIMUM_MESSAGES = 5000
MAXIMUM_BYTES = 16 * 2**20


@dataclass
class _Kept:
    frame: Frame
    size: int
    sent: bool = False


class Unanswered:
    """Numbered messages, kept until their answer is on its way to the client."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._kept)

    async def add(self, frame: Frame, size: int) -> bool:
        """Keep it; waits for room. False: its number is kept already, and will be answered once."""
        if frame.k in self._kept:
            return False
        while self._kept and (len(self._kept) >= MAXIMUM_MESSAGES or self._bytes + size > MAXIMUM_BYTES):
            self._room.clear()
            await self._room.wait()
        self._kept[frame.k] = _Kept(frame, size)
        self._bytes += size
        return True

    def answered(self, k: int) -> None:
        """Its answer is on its way; repeatable."""
        kept = self._kept.pop(k, None)
        if kept is not None:
            self._bytes -= kept.size
            self._room.set()

    def get(self, k: int) -> Frame | None:
        """The message of this number."""
        kept = self._kept.get(k)
        return kept.frame if kept is not None else None

    def unsend(self) -> None:
        """Another worker, or another connection: nothing of it was sent there."""
        for kept in self._kept.values():
            kept.sent = False

    def to_send(self) -> list[Frame]:
        """What was not sent yet, in order; counts as sent from now on."""
        frames = []
        for k in sorted(self._kept):
            if not self._kept[k].sent:
                self._kept[k].sent = True
                frames.append(self._kept[k].frame)
        return frames
