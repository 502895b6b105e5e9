"""Turns what the database drivers raise into sagews' own errors: the one place that does.

Invariant: whoever uses a store sees ``Conflict`` or ``DatabaseUnavailable``, or an exception that shows a
mistake in a query of ours; never a driver's idea of a lost connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import exc

from sagews.errors import Conflict, DatabaseUnavailable, SagewsError

# SQLSTATE classes, PostgreSQL's documentation, appendix A: connection exception, insufficient resources,
# operator intervention (shutdown, "cannot connect now"), system error; serialization failure and deadlock.
_UNAVAILABLE_STATES = ("08", "53", "57", "58", "40001", "40P01")
_REFUSED_STATES = ("28", "3D")
# SQLite's results BUSY, LOCKED, CANTOPEN, IOERR, FULL and READONLY; NOTADB and CORRUPT: by their words.
_SQLITE_UNAVAILABLE = ("locked", "unable to open", "disk i/o", "is full", "readonly")
_SQLITE_DAMAGED = ("not a database", "malformed")
"""Of the same: trying again does not help."""
DAMAGED_MEND = (
    "Stop the site, put a copy of the file from before in its place (and delete its -wal and -shm files); where there "
    "is none, move the file away, and an empty one is made."
)


@contextmanager
def translated() -> Iterator[None]:
    """Run database work; raise ``Conflict`` or ``DatabaseUnavailable`` for what the driver raises.

    :raises Conflict: a uniqueness or foreign key rule of the tables was broken.
    :raises DatabaseUnavailable: the database cannot be reached, stopped, or has no room; trying again may help.
    """
    try:
        yield
    except SagewsError:
        raise
    except exc.IntegrityError as error:
        raise _broken_rule(error) from error
    except exc.TimeoutError as error:
        raise DatabaseUnavailable("Every connection to the database is busy.") from error
    except exc.DBAPIError as error:
        if _is_sqlite(error, _SQLITE_DAMAGED):
            raise DatabaseUnavailable(f"The database file is damaged: {error.orig}.", mend=DAMAGED_MEND) from error
        if _is_outage(error):
            raise DatabaseUnavailable(f"The database does not answer: {error.orig}.") from error
        raise
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # Raised while connecting, where SQLAlchemy does not wrap.
        raise DatabaseUnavailable(f"The database does not answer: {str(error) or type(error).__name__}.") from error


def _broken_rule(error: exc.IntegrityError) -> Conflict:
    # "23503" is PostgreSQL's foreign_key_violation; SQLite has words only.
    is_missing = getattr(error.orig, "sqlstate", None) == "23503" or "foreign key" in str(error.orig).lower()
    return Conflict("This refers to something that does not exist (any more)." if is_missing else "")


def _is_outage(error: exc.DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_UNAVAILABLE_STATES + _REFUSED_STATES)
    return _is_sqlite(error, _SQLITE_UNAVAILABLE)


def _is_sqlite(error: exc.DBAPIError, words: tuple[str, ...]) -> bool:
    message = str(error.orig).lower()
    return isinstance(error.orig, sqlite3.Error) and any(word in message for word in words)
