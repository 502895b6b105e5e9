"""Backup and restore of the site's database, whatever kind it is of.

Invariants: a backup is of one moment, and whole or not there. A restore that fails, or is cut off, leaves the database
as it was: the backup is checked and laid out beside it first, and then takes its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sqlalchemy import make_url

from sagews.configuration import Configuration
from sagews.database.access import has_own_postgresql
from sagews.database.backup_file import About, Progress, check, finish, new_file
from sagews.database.keeping import Keeping
from sagews.database.migration import knows
from sagews.database.postgresql_keeping import PostgreSQLKeeping
from sagews.database.sqlite_keeping import SQLiteKeeping
from sagews.errors import Conflict, UsageError


def backup(configuration: Configuration, path: Path, progress: Progress) -> About:
    """Write a backup; the site may run.

    :raises UsageError: there is a file of that name, or the database is on another machine.
    :raises SetupError: it cannot be written there, or PostgreSQL's programs are missing.
    :raises DatabaseUnavailable: the database does not answer.
    """
    if path.exists():
        raise UsageError(f"There is a file {path} already.", mend="Name another, or remove it first.")
    keeping = keeping_of(configuration)
    with new_file(path) as part:
        revision = keeping.save(part, progress)
        return finish(part, path, keeping_kind(configuration), revision, progress)


def restore(configuration: Configuration, path: Path, progress: Progress, *, replace: bool = False) -> About:
    """Put a backup in the place of the database; nothing may use it meanwhile.

    :param replace: also where somebody has an account in it.
    :raises UsageError: this is no backup, or a damaged one, or of another kind or a newer version.
    :raises Conflict: the database is used, or not empty.
    :raises DatabaseUnavailable: it does not answer.
    """
    about = check(path, progress)
    kind = keeping_kind(configuration)
    if about.kind != kind:
        raise UsageError(f"This is a backup of {about.kind}, and the site's database is {kind}.", mend="Take another.")
    if not knows(about.revision):
        raise UsageError(
            f"The backup's tables (version {about.revision}) are newer than this sagews.", mend="Upgrade sagews first."
        )
    keeping = keeping_of(configuration)
    if users := keeping.users():
        raise Conflict(
            f"The database is in use: {users}.",
            mend="Stop what uses it (`sagews stop backend worker logserver`, or `sagews run`), and try again.",
        )
    if not replace and not keeping.is_empty():
        raise Conflict(
            "The database is not empty: somebody has an account in it.",
            mend="To throw away what is in it now, say --replace; `sagews db backup` keeps it first.",
        )
    keeping.load(path, about, progress)
    return about


def keeping_kind(configuration: Configuration) -> Literal["postgresql", "sqlite"]:
    """What the site's database is."""
    if has_own_postgresql(configuration) or configuration.database.url.startswith("postgresql"):
        return "postgresql"
    return "sqlite"


def keeping_of(configuration: Configuration) -> Keeping:
    """How the site's database is copied.

    :raises UsageError: it is on another machine.
    """
    if keeping_kind(configuration) == "sqlite":
        return SQLiteKeeping(Path(make_url(configuration.database_url).database or ""))
    return PostgreSQLKeeping(configuration)
