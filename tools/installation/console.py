"""What set-up says while it works: a numbered line a step, and how far it is."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_QUIET_SECONDS = 10.0


class Console:
    """One line a step; on a terminal it counts up in place, elsewhere it adds a line now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self._steps = 0
        self._number = 0
        self._title = ""
        self._started = 0.0
        self._said = ""
        self._said_at = 0.0

    def expect(self, steps: int) -> None:
        """How many steps there will be."""
        self._steps = steps
        self._number = 0

    def begin(self, title: str) -> None:
        self._number += 1
        self._title = f"[{self._number}/{self._steps}] {title}"
        self._started = self._said_at = time.monotonic()
        self._said = ""
        self._write(self._title + " ...", end="" if self.stream.isatty() else "\n")

    def progress(self, text: str) -> None:
        """Say how far the step is, for example ``57 of 177 packages``."""
        now = time.monotonic()
        if text == self._said or (not self.stream.isatty() and now - self._said_at < _QUIET_SECONDS):
            return
        self._said, self._said_at = text, now
        if self.stream.isatty():
            self._write(f"\r{self._title} ... {text}\x1b[K", end="")
        else:
            self._write(f"      {text}")

    def end(self) -> None:
        done = f"done in {time.monotonic() - self._started:.0f} s"
        if self.stream.isatty():
            self._write(f"\r{self._title} ... {done}\x1b[K")
        else:
            self._write(f"      {done}")

    def broken_off(self) -> None:
        """The step failed: what follows starts on a line of its own."""
        if self._number and self.stream.isatty():
            self._write("")

    def say(self, text: str) -> None:
        self._write(text)

    def _write(self, text: str, end: str = "\n") -> None:
        self.stream.write(text + end)
        self.stream.flush()
