"""A backup's file: what the database's own tool wrote, followed by one line about it.

Invariant: a file of that name is whole: it gets the name when its last byte is on disk. The last line has the length
and the SHA-256 of what comes before it, so that one that was cut or changed is found out before anything is restored.

::

    PGDMP...                                                     pg_dump's custom format, or a SQLite database
    sagews-backup {"format": 1, "kind": "postgresql", "length": 48213, "sha256": "...", "revision": "0001", ...}
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

from sagews import __version__
from sagews.errors import SetupError, UsageError

FORMAT = 1
MARK = b"\nsagews-backup "
LONGEST_LINE = 4096
PIECE_BYTES = 2**20

Progress = Callable[[str, int, int], None]
"""Is told what is done, how many bytes of it, and of how many (0: not known)."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a backup says of itself."""

    format: int
    kind: Literal["postgresql", "sqlite"]
    revision: str
    """Of its tables, as the migrations count."""
    made_by: str
    made_at: str
    length: int
    sha256: str


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A place beside ``path`` for what the database's tool writes; `finish` it, and it gets the name.

    It is gone if that does not come about.

    :raises SetupError: nothing can be written there.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SetupError(
            f"The backup {path} cannot be written: {error.strerror}.", mend="Name a file in another folder."
        ) from error
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def finish(part: Path, path: Path, kind: Literal["postgresql", "sqlite"], revision: str, progress: Progress) -> About:
    """Add the last line, bring all to the disk, and give it its name.

    :raises SetupError: the disk is full.
    """
    digest, length = hashlib.sha256(), 0
    size = part.stat().st_size
    try:
        with part.open("r+b") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                length += len(piece)
                progress("Checking", length, size)
            about = About(
                format=FORMAT,
                kind=kind,
                revision=revision,
                made_by=__version__,
                made_at=datetime.now(UTC).isoformat(timespec="seconds"),
                length=length,
                sha256=digest.hexdigest(),
            )
            file.write(MARK + json.dumps(asdict(about)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _to_disk(path.absolute().parent)
    except OSError as error:
        raise SetupError(
            f"The backup {path} cannot be written: {error.strerror}.", mend="Make room, or name another folder."
        ) from error
    return about


def check(path: Path, progress: Progress) -> About:
    """What a backup says of itself, when all of it is as it was written.

    :raises UsageError: it is no backup, or damaged, or of a newer program.
    """
    try:
        with path.open("rb") as file:
            about = _last_line(path, file)
            digest = hashlib.sha256()
            for piece in pieces(file, about):
                digest.update(piece)
                progress("Checking", file.tell(), about.length)
    except OSError as error:
        raise UsageError(f"The backup {path} cannot be read: {error.strerror}.", mend="Name another file.") from error
    if digest.hexdigest() != about.sha256:
        raise UsageError(f"The backup {path} is damaged: its checksum is wrong.", mend="Take another backup.")
    return about


def pieces(file: IO[bytes], about: About) -> Iterator[bytes]:
    """What the database's tool wrote, from the beginning."""
    file.seek(0)
    left = about.length
    while left and (piece := file.read(min(PIECE_BYTES, left))):
        left -= len(piece)
        yield piece


def _last_line(path: Path, file: IO[bytes]) -> About:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LONGEST_LINE))
    before, mark, line = file.read().rpartition(MARK)
    try:
        content = json.loads(line) if mark and line.endswith(b"\n") else {}
        if content.get("format", 0) > FORMAT:
            raise UsageError(
                f"The backup {path} was made by a newer sagews ({content.get('made_by')}).",
                mend="Upgrade sagews first.",
            )
        about = About(**content)
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"The file {path} is no backup of sagews, or was cut.", mend="Name a file that `sagews db backup` made."
        ) from error
    if about.length != max(0, size - LONGEST_LINE) + len(before):
        raise UsageError(f"The backup {path} is damaged: its length is wrong.", mend="Take another backup.")
    return about


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
