"""ImportStream: one commit as git-fast-import(1) reads it, with the contents of the files in it.

Invariant: whatever bytes a path or a content has, they are read as that path or content and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Author:
    """Who made a version."""

    name: str
    account: str
    """Its id; "" = nobody's."""

    def line(self, at: int) -> str:
        """As commits have it. :param at: Unix time in seconds."""
        return f"{_plain(self.name) or 'sagews'} <{_plain(self.account)}> {at} +0000"


class ImportStream:
    """Writes to git; nothing is there before it is closed by `end`."""

    def __init__(self, file: IO[bytes], branch: str, parent: str) -> None:
        """:param parent: commit whose files are there at first; "" = there are none."""
        self._file = file
        who = Author("", "").line(0)
        head = f"feature done\ncommit {branch}\ncommitter {who}\ndata 0\n"
        self._file.write((head + (f"from {parent}\n" if parent else "")).encode())

    def delete_all(self) -> None:
        """There is no file."""
        self._file.write(b"deleteall\n")

    def delete(self, path: str) -> None:
        """There is no such file."""
        self._file.write(b"D " + _quoted(path) + b"\n")

    def put(self, path: str, mode: str, size: int, content: IO[bytes]) -> bool:
        """There is this file, with so many bytes of `content`.

        :param mode: 100644, 100755 (a program) or 120000 (a link, whose content is where it leads).
        :returns: False where the content had less; zeros stand for what is missing.
        """
        self._file.write(b"M " + mode.encode() + b" inline " + _quoted(path) + b"\ndata " + str(size).encode() + b"\n")
        left = size
        while left:
            try:
                piece = content.read(min(left, PIECE_BYTES))
            except OSError:
                break  # its size is announced already
            if not piece:
                break
            self._file.write(piece)
            left -= len(piece)
        whole = not left
        while left:
            self._file.write(bytes(min(left, PIECE_BYTES)))
            left -= min(left, PIECE_BYTES)
        self._file.write(b"\n")
        return whole

    def end(self) -> None:
        """That is all of it."""
        self._file.write(b"done\n")


def _quoted(path: str) -> bytes:
    """git-fast-import(1), "<path>": a C-style quoted string."""
    escaped = path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'


def _plain(text: str) -> str:
    """Without what ends a name or address in a commit."""
    return (
        "".join(sign for sign in text if sign not in "<>\n\r\0").encode("utf-8", "replace").decode().strip(" .,:;\"'")
    )
