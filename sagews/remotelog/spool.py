"""The spool: records on this machine's disk that the log server has not acknowledged yet.

Files ``PROCESS.NUMBER.jsonl`` of one record a line; each process writes files of its own, named by an id that is
unique over time and sorts by it. One that died leaves them to the next process in the same folder. (`O_APPEND` and
the kernel's cache: a record outlives the process however that ends; of a machine that loses power, the last may go.)

Invariants: a record is in the file whole or not at all, but for the very last bytes of a process that was killed; the
files together never have more than the bound; what does not fit is refused, the newest, so that the beginning of the
trouble is what is kept.

One thread appends (whoever holds the logging handler's lock), one other reads and discards.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

SEGMENT_BYTES = 1024 * 1024
"""Of one file, at most: what is acknowledged is freed by whole files, and a process that follows one that was killed
ships the last one once more."""
SEGMENTS = 16
"""The bound has room for so many files, or more."""
RESERVE_BYTES = 16 * 1024
"""Beyond the bound, for the records that say that records are dropped."""
SUFFIX = ".jsonl"


@dataclass(eq=False)
class Segment:
    """One file of the spool."""

    path: Path
    process: str
    size: int = 0
    """Bytes of whole records in it."""
    closed: bool = False
    """Nothing is appended any more."""


def new_process_id() -> str:
    """An id for this process that none ever had; later ones sort after earlier ones."""
    return f"{time.time_ns():016x}-{secrets.token_hex(6)}"


@dataclass(eq=False)
class Spool:
    """The spool of one instance of a component, opened by the process that appends to it."""

    folder: Path
    maximum_bytes: int
    segment_bytes: int = 0
    """Of one file; 0 = as fits the bound."""
    process: str = field(default_factory=new_process_id)
    segments: deque[Segment] = field(default_factory=deque)
    """The oldest first: those of dead processes, then our own."""

    def __post_init__(self) -> None:
        """:raises OSError: the folder cannot be made."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.segment_bytes = self.segment_bytes or min(SEGMENT_BYTES, self.maximum_bytes // SEGMENTS)
        self._written = 0
        self._freed = 0
        self._number = 0
        self._descriptor = -1
        self._ended = False
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._adopt()

    @property
    def held_bytes(self) -> int:
        """Of all files."""
        return self._written - self._freed

    def append(self, line: bytes, *, spare_bytes: int = 0) -> bool:
        """Append a record; False where there is no room: in the bound or on the disk.

        :param line: ends with a newline and has no other.
        :param spare_bytes: so many bytes more than the bound may be used.
        """
        size = len(line)
        if self._ended or self._written - self._freed + size > self.maximum_bytes + spare_bytes:
            return False
        try:
            segment = self.segments[-1] if self._descriptor >= 0 else self._begin()
            if segment.size + size > self.segment_bytes and segment.size:
                segment = self._begin()
            if os.write(self._descriptor, line) != size:
                os.ftruncate(self._descriptor, segment.size)
                return False
        except OSError:  # no room on the disk, no folder any more: as good as full
            return False
        self._written += size
        segment.size += size  # last: the reader goes by it
        return True

    def discard(self, segment: Segment) -> None:
        """Delete the oldest segment: all in it is acknowledged. Called by the reader."""
        self.segments.popleft()
        segment.path.unlink(missing_ok=True)
        self._freed += segment.size

    def end(self) -> None:
        """Append nothing any more; repeatable."""
        self._ended = True
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self.segments[-1].closed = True

    def close(self) -> None:
        """Let another process have it; repeatable."""
        self.end()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _begin(self) -> Segment:
        """Go on in a new file."""
        segment = Segment(self.folder / f"{self.process}.{self._number:06d}{SUFFIX}", self.process)
        descriptor = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._number += 1
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self.segments[-1].closed = True
        self._descriptor = descriptor
        self.segments.append(segment)
        return segment

    def _adopt(self) -> None:
        """Take over what dead processes left, unless another one lives in this folder and has it."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            size = path.stat().st_size
            self.segments.append(Segment(path, path.name.split(".")[0], size, closed=True))
            self._written += size
