"""InstanceLog: what an instance prints, and the part of it that is worth showing."""

from __future__ import annotations

import json
import os
from pathlib import Path

READ_BYTES = 2**16
LINES = 12


class InstanceLog:
    """The log file of one instance."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        """In bytes; a mark for `lines`."""
        return self.path.stat().st_size if self.path.exists() else 0

    def lines(self, mark: int = 0, *, at_most: int = LINES) -> list[str]:
        """The last lines.

        :param mark: only what was written since it had this size.
        """
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(mark if mark <= size else 0, size - READ_BYTES))
            return file.read().decode(errors="replace").splitlines()[-at_most:]

    @property
    def last_words(self) -> str:
        """The last that it said, for people; empty = nothing."""
        line = "".join(self.lines(at_most=1))
        try:
            told = json.loads(line)
        except ValueError:
            return line
        return str(told.get("event", line)) if isinstance(told, dict) else line
