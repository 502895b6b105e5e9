"""KeptOutput: all text that one run writes, in a file, and how much of it is told.

Invariant: every byte up to the output limit is in the file, in order; up to the shown limit it is
told as it comes; beyond it only its amount is told, and at the end the last part.
"""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Name = Literal["stdout", "stderr"]


@dataclass(frozen=True)
class Told:
    """What is to be done with a piece of text."""

    text: str = ""
    """This part of it is told."""
    full: bool = False
    """The output limit is reached: what came after it is not kept."""


class KeptOutput:
    """The text of one run."""

    def __init__(self, path: Path, shown_bytes: int, tail_bytes: int, maximum_bytes: int) -> None:
        """
        :param path: where the file goes; it is made with the first text.
        :param shown_bytes: so much of the text is told.
        :param tail_bytes: so much of its end is told again when the run ends.
        :param maximum_bytes: so much is kept; 0 = no limit.
        """
        self.path = path
        self.kept_bytes = 0
        self.kept_lines = 0
        self.cut = False
        """Some text was kept and not told."""
        self.untold_bytes = 0
        """Of text that was kept and not told, without what was cleared."""
        self.cut_name: Name = "stdout"
        """The stream that the last untold text belongs to."""
        self.full = False
        self._shown_bytes = shown_bytes
        self._tail_bytes = tail_bytes
        self._maximum_bytes = maximum_bytes
        self._told_bytes = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._file: io.FileIO | None = None

    def write(self, name: Name, text: str) -> Told:
        """Keep a piece of text; the answer says what of it is to be told."""
        if self.full:
            return Told()
        data = text.encode("utf-8", "surrogatepass")
        if self._maximum_bytes and self.kept_bytes + len(data) > self._maximum_bytes:
            data = data[: self._maximum_bytes - self.kept_bytes]
            text = data.decode("utf-8", "ignore")
            self.full = True
        self._append(data)
        if not self.cut and self._told_bytes + len(data) <= self._shown_bytes:
            self._told_bytes += len(data)
            return Told(text, self.full)
        shown = b"" if self.cut else data[: self._shown_bytes - self._told_bytes]
        told = shown.decode("utf-8", "ignore")
        self.cut, self.cut_name = True, name
        self._told_bytes = self._shown_bytes
        untold = data[len(told.encode("utf-8", "surrogatepass")) :]
        self.untold_bytes += len(untold)
        self._add_tail(untold)
        return Told(told, self.full)

    def tail(self) -> str:
        """The last part of what was not told; where it is all of it, nothing is missing."""
        data = b"".join(self._tail)[-self._tail_bytes :]
        return data.decode("utf-8", "ignore")

    def cleared(self) -> None:
        """What was shown was cleared: there is room to show again."""
        self._told_bytes = self._tail_size = self.untold_bytes = 0
        self._tail.clear()
        self.cut = False

    def close(self) -> None:
        """No more text comes."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, data: bytes) -> None:
        self.kept_bytes += len(data)
        self.kept_lines += data.count(b"\n")
        if self._file is None:
            self._file = io.FileIO(self.path, "ab")
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def _add_tail(self, data: bytes) -> None:
        self._tail.append(data)
        self._tail_size += len(data)
        while self._tail_size - len(self._tail[0]) > self._tail_bytes:
            self._tail_size -= len(self._tail.popleft())
