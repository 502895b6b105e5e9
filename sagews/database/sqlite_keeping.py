"""Backup and restore of a SQLite database."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sagews.database.backup_file import About, Progress, pieces
from sagews.database.keeping import FORGET_OPENINGS
from sagews.errors import DatabaseUnavailable, UsageError

PAGES_AT_ONCE = 1024
BUSY_SECONDS = 10


class SQLiteKeeping:
    """Of the database in one file. While it is copied others may write: the copy then begins anew, and ends right."""

    def __init__(self, database: Path) -> None:
        self.database = database

    def save(self, part: Path, progress: Progress) -> str:
        """By SQLite's own online backup.

        :raises UsageError: there is nothing in it.
        """

        def told(status: int, left: int, total: int) -> None:
            progress("Copying", (total - left) * page, total * page)

        with _translated(), self._open() as source, closing(sqlite3.connect(part)) as copy:
            revision = _revision(source)
            page = int(source.execute("PRAGMA page_size").fetchone()[0])
            source.backup(copy, pages=PAGES_AT_ONCE, progress=told)
            copy.execute("PRAGMA journal_mode = DELETE")
        return revision

    def users(self) -> str:
        """Another program that has it open: SQLite lets only the last one leave WAL mode."""
        if not self.database.exists():
            return ""
        try:
            with closing(sqlite3.connect(self.database, timeout=0, isolation_level=None)) as connection:
                # Everything is in the one file then, so that no old WAL is left to the new one.
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise DatabaseUnavailable(f"The database {self.database} does not answer: {error}.") from error
            mode = "wal"
        return "a backend has its file open" if mode == "wal" else ""

    def is_empty(self) -> bool:
        """Whether nobody has a workspace in it. (The account of a solo site is made by itself.)"""
        if not self.database.exists():
            return True
        with _translated(), self._open() as connection:
            if not _revision_or_none(connection):
                return True
            return connection.execute("SELECT 1 FROM workspaces LIMIT 1").fetchone() is None

    def load(self, file: Path, about: About, progress: Progress) -> None:
        """Lay it out beside the database, look at it, and give it the database's name."""
        part = self.database.with_name(f".{self.database.name}.{secrets.token_hex(8)}")
        try:
            _lay_out(file, about, part, progress)
            with _translated(), closing(sqlite3.connect(part, isolation_level=None)) as connection:
                if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                    raise UsageError(f"The database in {file} is damaged.", mend="Take another backup.")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute(FORGET_OPENINGS)
            part.replace(self.database)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The database {self.database} cannot be written: {error.strerror}.", mend="Make room, and try again."
            ) from error
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self.database.exists():
            raise UsageError("There is no database yet.", mend="Start the site first: `sagews run`.")
        with closing(sqlite3.connect(self.database, timeout=BUSY_SECONDS)) as connection:
            yield connection


def _lay_out(file: Path, about: About, part: Path, progress: Progress) -> None:
    written = 0
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target, file.open("rb") as source:
        for piece in pieces(source, about):
            target.write(piece)
            written += len(piece)
            progress("Restoring", written, about.length)
        target.flush()
        os.fsync(target.fileno())


def _revision(connection: sqlite3.Connection) -> str:
    revision = _revision_or_none(connection)
    if not revision:
        raise UsageError("There is nothing in the database yet.", mend="Start the site first.")
    return revision


def _revision_or_none(connection: sqlite3.Connection) -> str:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseUnavailable(f"The database does not answer: {error}.") from error
