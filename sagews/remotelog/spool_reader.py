"""Reads the spool from its oldest record on, in batches, and forgets what is acknowledged.

Invariant: nothing is discarded before it was acknowledged; after a failure the same records are read again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from sagews.remotelog.spool import Segment, Spool

BATCH_BYTES = 256 * 1024


@dataclass(frozen=True)
class Batch:
    """Whole lines of one process."""

    process: str
    lines: bytes


class SpoolReader:
    """The one reader of a spool."""

    def __init__(self, spool: Spool, batch_bytes: int = BATCH_BYTES) -> None:
        """:param batch_bytes: of a batch, at most; larger than the largest record."""
        self.torn = 0
        """Records that their process did not finish writing: killed in the middle."""
        self._spool = spool
        self._batch_bytes = batch_bytes
        self._position = 0
        """In the oldest segment: all before is acknowledged."""
        self._open: tuple[Segment, int] | None = None

    @property
    def waits(self) -> bool:
        """Whether there is something that is not acknowledged."""
        segments = self._spool.segments
        return bool(segments) and (self._position < segments[0].size or segments[0].closed)

    def next(self) -> Batch | None:
        """The oldest records that are not acknowledged; None = there are none.

        :raises OSError: the spool cannot be read.
        """
        while self._spool.segments:
            segment = self._spool.segments[0]
            closed = segment.closed  # before its size: nothing follows that size then
            size = segment.size
            lines = self._lines(segment, size)
            if lines:
                return Batch(segment.process, lines)
            if not closed:
                return None
            if self._position < size:
                self.torn += 1
            self._discard(segment)
        return None

    def acknowledge(self, batch: Batch) -> None:
        """The log server has them."""
        self._position += len(batch.lines)
        segment = self._spool.segments[0]
        if segment.closed and self._position >= segment.size:
            self._discard(segment)

    def close(self) -> None:
        """Close the file that is being read."""
        if self._open:
            os.close(self._open[1])
            self._open = None

    def _lines(self, segment: Segment, size: int) -> bytes:
        wanted = min(self._batch_bytes, size - self._position)
        if wanted <= 0:
            return b""
        if self._open is None or self._open[0] is not segment:
            self.close()
            self._open = (segment, os.open(segment.path, os.O_RDONLY))
        data = os.pread(self._open[1], wanted, self._position)
        return data[: data.rfind(b"\n") + 1]

    def _discard(self, segment: Segment) -> None:
        self.close()
        self._spool.discard(segment)
        self._position = 0
