"""Remember what was set up from what, so that the second time nothing is done.

A step that ended leaves a stamp: the hash of everything that it was made from. A step
that is under way leaves a mark, so that one that was cut off is known and redone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(root: Path, files: Iterable[Path], *facts: str) -> str:
    """The hash of the names (below *root*) and contents of *files* and of *facts*; a missing file counts as one."""
    total = hashlib.sha256()
    for fact in facts:
        total.update(f"{len(fact)}:{fact}".encode())
    for path in files:
        content = path.read_bytes() if path.is_file() else b"\0missing"
        total.update(f"{path.relative_to(root)}:{len(content)}:".encode() + content)
    return total.hexdigest()


class Stamps:
    """The stamps and marks, each a small file in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fresh(self, step: str, key: str) -> bool:
        """Whether *step* ended, made from *key*."""
        return self.last(step) == key

    def last(self, step: str) -> str:
        """What *step* was last made from, or nothing if it never ended or was cut off since."""
        path = self.folder / step
        return path.read_text() if path.is_file() else ""

    def cut_off(self, step: str) -> bool:
        """Whether *step* began and did not end."""
        return self._mark(step).exists()

    def begin(self, step: str) -> None:
        self._mark(step).touch()
        (self.folder / step).unlink(missing_ok=True)

    def end(self, step: str, key: str) -> None:
        (self.folder / step).write_text(key)
        self._mark(step).unlink(missing_ok=True)

    def forget(self, step: str) -> None:
        """As if *step* had never been begun."""
        (self.folder / step).unlink(missing_ok=True)
        self._mark(step).unlink(missing_ok=True)

    def _mark(self, step: str) -> Path:
        return self.folder / f"{step}.unfinished"
