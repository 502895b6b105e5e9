"""Files of an open workspace, over the bulk connection, and the whole output of a run.

Paths are relative to the workspace's files, POSIX, without ``..``. Contents travel as `file_piece` frames
whose payload has at most 64 KiB; the receiver allows so many more with `credit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sagews.messages.frame import Message

PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class FileEntry:
    """One file or folder."""

    path: str
    kind: Literal["file", "folder", "other"]
    size: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class FileList(Message, type="file_list"):
    """What is in this folder ("" = the top)? Answered by `file_entries`."""

    path: str = ""


@dataclass(frozen=True)
class FileEntries(Message, type="file_entries"):
    """This."""

    entries: tuple[FileEntry, ...]


@dataclass(frozen=True)
class FileRead(Message, type="file_read"):
    """Send me the file. Answered by `file_piece` frames, the last one with `last`."""

    path: str


@dataclass(frozen=True)
class OutputRead(Message, type="output_read"):
    """Send me all text that the envelope's run wrote. Answered as `file_read`."""


@dataclass(frozen=True)
class FileWrite(Message, type="file_write"):
    """I send the file, as `file_piece` frames; it takes its place when the last one is here. Answered by `done`."""

    path: str
    size: int


@dataclass(frozen=True)
class FilePiece(Message, type="file_piece"):
    """A piece of a file is this frame's payload."""

    offset: int
    last: bool = False


@dataclass(frozen=True)
class Credit(Message, type="credit"):
    """Send me so many pieces more."""

    pieces: int


@dataclass(frozen=True)
class FileDelete(Message, type="file_delete"):
    """Delete the file, or the folder with all that is in it. Answered by `done`."""

    path: str


@dataclass(frozen=True)
class FileRename(Message, type="file_rename"):
    """Give it another path; nothing may be there. Answered by `done`."""

    path: str
    to: str


@dataclass(frozen=True)
class FolderMake(Message, type="folder_make"):
    """Make the folder, and those above it. Answered by `done`."""

    path: str
