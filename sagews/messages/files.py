"""Files of an open workspace, over the bulk connection, and the whole output of a run.

Paths are relative to the workspace's files, POSIX, without ``..``. Contents travel as `file_piece` frames
whose payload has at most 64 KiB; the receiver allows so many more with `credit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sagews.errors import TooLarge
from sagews.messages.frame import Message
from sagews.messages.sizes import in_binary_units

PIECE_BYTES = 64 * 1024


def too_large(path: str, size: int, maximum: int) -> TooLarge:
    """The refusal of a file that is larger than allowed, the same wherever it is found out."""
    return TooLarge(
        f"{path!r} has {in_binary_units(size)}; a file may have {in_binary_units(maximum)}.",
        mend="Split it, or ask the site's operator for a higher limit.",
    )


@dataclass(frozen=True)
class FileEntry:
    """One file or folder."""

    path: str
    kind: Literal["file", "folder", "other"]
    size: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class FileList(Message, type="file_list"):
    """What is in this folder ("" = the top)? Answered by `file_entries`.

    Folders come first, then by name. From then on, who is attached is told by `folder_changed` when that is not so any
    more.
    """

    path: str = ""
    start: int = 0
    """Leave out so many at the beginning."""
    limit: int = 0
    """At most so many; 0 = as many as one answer may have."""
    matching: str = ""
    """Only those with this in their name, in upper or lower case."""


@dataclass(frozen=True)
class FileEntries(Message, type="file_entries"):
    """This."""

    entries: tuple[FileEntry, ...]
    total: int = 0
    """How many there are in all, of those that match."""


@dataclass(frozen=True)
class FolderChanged(Message, type="folder_changed"):
    """Event: what is in this folder ("" = the top), which somebody listed, is not what it was."""

    path: str = ""


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
    keep: bool = False
    """Refuse it where there is a file at this path already."""


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


# --- large files, in parts that may come over several connections


@dataclass(frozen=True)
class UploadBegin(Message, type="upload_begin"):
    """A file will come in parts. Answered by `upload_state`; refused where it would not be taken in the end."""

    path: str
    size: int
    keep: bool = False
    """Refuse it where there is a file at this path already."""


@dataclass(frozen=True)
class UploadWrite(Message, type="upload_write"):
    """I send what follows `offset`, as `file_piece` frames (whose offsets count from here). Answered by `upload_state`.

    What came before a connection broke stays. With the last part the file takes its place.
    """

    upload: str
    offset: int
    size: int


@dataclass(frozen=True)
class UploadAsk(Message, type="upload_ask"):
    """How much is there? Answered by `upload_state`."""

    upload: str


@dataclass(frozen=True)
class UploadCancel(Message, type="upload_cancel"):
    """It will not be finished. Answered by `done`."""

    upload: str


@dataclass(frozen=True)
class UploadState(Message, type="upload_state"):
    """So much of the file is here."""

    upload: str
    path: str
    size: int
    received: int = 0
    finished: bool = False
    """The file is in its place."""


# --- archives, and files of other kinds


@dataclass(frozen=True)
class FolderPack(Message, type="folder_pack"):
    """Send me the folder ("" = the top) as a zip file. Answered as `file_read`."""

    path: str = ""


@dataclass(frozen=True)
class FileImport(Message, type="file_import"):
    """Unpack a zip file into a folder beside it, or make a worksheet of a program. Answered by `file_imported`."""

    path: str


@dataclass(frozen=True)
class FileImported(Message, type="file_imported"):
    """This is what it became; `files` counts them."""

    path: str
    files: int = 1
