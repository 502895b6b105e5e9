"""Connections to the database, and their settings.

Invariant: a commit that returned is on disk, also after a power failure (SQLite: ``synchronous=FULL``;
PostgreSQL: its default ``synchronous_commit=on``), because edits are acknowledged on the strength of it.
"""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sagews.errors import ConfigurationError, DatabaseUnavailable

BUSY_SECONDS = 10
"""How long SQLite waits for another process's write."""

CONNECT_SECONDS = 10
COMMAND_SECONDS = 30

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


def create_engine(url: str, *, tls: ssl.SSLContext | None = None, connections: int = 10) -> AsyncEngine:
    """Make the engine for a site's database; connects when first used.

    :param url: ``sqlite:////folder/file.db`` or ``postgresql://user:password@host:port/name``.
    :param tls: for PostgreSQL: connect by TLS only, with this context (authority, own certificate).
    :param connections: how many are kept open (1 or more); as many more are opened in a rush.
    :raises ConfigurationError: the URL is of another kind of database, or of one in memory.
    :raises DatabaseUnavailable: the file of a SQLite database cannot be made.
    """
    address = _address(url)
    settings: dict[str, Any] = {
        "pool_size": connections,
        "max_overflow": connections,
        "pool_timeout": CONNECT_SECONDS,
        "json_serializer": _json,
    }
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, settings)
    return _postgresql(address, tls, settings)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("The database's URL cannot be read.") from error
    kind = address.drivername.partition("+")[0]
    if kind not in _DRIVERS:
        raise ConfigurationError(f"A database of kind {kind!r} cannot be used, only sqlite or postgresql.")
    return address.set(drivername=_DRIVERS[kind])


def _json(value: object) -> str:
    # ASCII only, so that NUL and lone surrogates are written as escapes; PostgreSQL's JSON has no NaN.
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _sqlite(address: URL, settings: dict[str, Any]) -> AsyncEngine:
    if address.database in (None, "", ":memory:"):
        raise ConfigurationError("A SQLite database needs a file: each connection would have a database of its own.")
    try:
        # Only its owner may read it: it has password hashes. SQLite gives its -wal and -shm files the same mode.
        Path(str(address.database)).touch(mode=0o600)
    except OSError as error:
        raise DatabaseUnavailable(f"Cannot write the database file: {error}.") from error
    # isolation_level None: sqlite3 must not begin transactions by itself; `_begin` does.
    engine = create_async_engine(address, connect_args={"isolation_level": None, "timeout": BUSY_SECONDS}, **settings)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, record: object) -> None:
    try:
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
    except BaseException:
        connection.close()  # the pool forgets one that it has not taken yet
        raise


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def _postgresql(address: URL, tls: ssl.SSLContext | None, settings: dict[str, Any]) -> AsyncEngine:
    connect: dict[str, Any] = {"timeout": CONNECT_SECONDS, "command_timeout": COMMAND_SECONDS}
    if tls is not None:
        connect["ssl"] = tls
    elif "ssl" not in address.query:
        # asyncpg's default tries TLS without checking whom it talks to, and falls back: neither safe nor quick.
        connect["ssl"] = False
    engine = create_async_engine(address, connect_args=connect, **settings)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, record: object, proxy: object) -> None:
    # asyncpg knows at once when the server closed a connection, so that after a restart of PostgreSQL the pool
    # starts afresh without a "ping" (three round trips) before each transaction.
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server closed this connection")
