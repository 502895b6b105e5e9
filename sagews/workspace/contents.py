"""What is in files of versions, out of what git-cat-file(1) writes for many with `--batch`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from sagews.errors import Unavailable

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class StoredFile:
    """A file of a version."""

    path: str
    mode: str
    """100644, 100755 (a program), 120000 (a link), 160000 (of a submodule)."""
    blob: str
    size: int


class Content:
    """The content of one file, out of what git writes for many."""

    def __init__(self, pipe: IO[bytes], size: int) -> None:
        """:param size: bytes that are there."""
        self._pipe = pipe
        self._left = size

    def read(self, size: int) -> bytes:
        """The next bytes, at most so many; none at the end. Raises Unavailable where git breaks off."""
        data = self._pipe.read(min(size, self._left))
        self._left -= len(data)
        if self._left and not data and size:
            raise Unavailable("git ended in the middle of a file.")
        return data

    def pass_over(self) -> None:
        """Read what is left, and the end of line after it."""
        while self.read(PIECE_BYTES):
            pass
        self._pipe.read(1)


def each(files: Sequence[StoredFile], pipe: IO[bytes]) -> Iterator[tuple[StoredFile, Content]]:
    """Each file with its content, which is there until the next one is asked for."""
    for file in files:
        told = pipe.readline(4096).decode("utf-8", "replace").split()
        if told[1:] != ["blob", str(file.size)]:
            raise Unavailable(f"git told {' '.join(told[1:]) or 'nothing'} of a file.")
        content = Content(pipe, file.size)
        yield file, content
        content.pass_over()
