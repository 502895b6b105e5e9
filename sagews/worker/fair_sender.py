"""FairSender: what one connection sends when it has room, so that no workspace starves another.

Sources of one workspace stand in its lane; lanes take turns, each with a quantum of bytes. Pure: it
is told how much room there is and given something to write with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol


class Source(Protocol):
    """Something that has frames to send."""

    def next(self) -> bytes | None:
        """The bytes of the next frame; None where there is none now."""


class FairSender:
    """Turns of lanes, one for each workspace."""

    def __init__(self, write: Callable[[bytes], None], has_room: Callable[[], bool], quantum_bytes: int) -> None:
        """
        :param write: takes the bytes of whole frames.
        :param has_room: whether more may be written now.
        :param quantum_bytes: what a lane may write in its turn (and as much more as its last frame has).
        """
        self._write = write
        self._has_room = has_room
        self._quantum = quantum_bytes
        self._lanes: dict[str, deque[Source]] = {}
        self._waiting: set[Source] = set()

    def wake(self, lane: str, source: Source) -> None:
        """Let the source take part in the next turns of its lane."""
        if source not in self._waiting:
            self._waiting.add(source)
            self._lanes.setdefault(lane, deque()).append(source)

    def drop(self, lane: str, source: Source) -> None:
        """Ask the source no more."""
        if source in self._waiting:
            self._waiting.discard(source)
            self._lanes[lane].remove(source)
            if not self._lanes[lane]:
                del self._lanes[lane]

    def pump(self) -> None:
        """Write as long as there is room and something to write."""
        while self._lanes and self._has_room():
            lane = next(iter(self._lanes))
            sources = self._lanes.pop(lane)
            data = self._turn(sources)
            if sources:
                self._lanes[lane] = sources
            if data:
                self._write(data)

    def _turn(self, sources: deque[Source]) -> bytes:
        """One turn of a lane: its sources in rotation, until the quantum is used up."""
        pieces: list[bytes] = []
        left = self._quantum
        while sources and left > 0:
            piece = sources[0].next()
            if piece is None:
                self._waiting.discard(sources.popleft())
                continue
            pieces.append(piece)
            left -= len(piece)
            sources.rotate(-1)
        return b"".join(pieces)
