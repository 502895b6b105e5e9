"""The log: what every component said, once each, in the order of arrival.

Invariant: a record is stored once, however often it is given: (process, n) is its key. There is one writer, the log
server, so that whatever arrives later has a greater id.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, delete, func, or_, select, text

from sagews.database import tables
from sagews.database.columns import escape
from sagews.database.failures import translated
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions
from sagews.errors import UsageError

CHANNEL = "sagews_log"
"""PostgreSQL's NOTIFY after each batch."""
PRUNE_ROWS = 5000
"""Deleted in one transaction."""


@dataclass(frozen=True)
class NewRecord:
    """A record to store. ``level`` is a number as Python's `logging` has it; ``size_bytes`` counts for retention."""

    process: str
    n: int
    at: datetime
    component: str
    instance: int
    host: str
    level: int
    name: str
    event: str
    workspace: str | None = None
    account: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    traceback: str | None = None
    size_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class LogRecord:
    """A stored record."""

    id: int
    process: str
    n: int
    at: datetime
    component: str
    instance: int
    host: str
    level: int
    name: str
    event: str
    workspace: str | None
    account: str | None
    fields: dict[str, Any]
    traceback: str | None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which records are wanted; what is empty or None does not matter."""

    components: tuple[tuple[str, int | None], ...] = ()
    """(name, number): ``("worker", 1)``, ``("backend", None)`` for each of them."""
    level: int = 0
    """At least."""
    since: datetime | None = None
    until: datetime | None = None
    workspace: str = ""
    text: str = ""
    """Words, each of which is in the event, a field, the logger's name or the traceback; in any case."""


class Log:
    """Writing, reading and pruning the log."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._is_postgresql = transactions.engine.dialect.name == "postgresql"

    async def append(self, records: Sequence[NewRecord]) -> None:
        """Store records in one commit, those that are stored already excepted.

        :raises DatabaseUnavailable: whether they are stored is not known; give them again.
        :raises sqlalchemy.exc.DBAPIError: the database refuses one of them; none is stored.
        """
        if not records:
            return
        async with self._transactions.write() as connection:
            if self._is_postgresql:
                # Arrays, not rows: one statement, planned once, for any number of records.
                await connection.execute(_INSERT, _arrays(records))
                await connection.execute(_NOTIFY)
            else:
                insert = self._transactions.insert(tables.log).on_conflict_do_nothing()
                await connection.execute(insert, [vars(record) for record in records])

    async def latest(self, wanted: Wanted, at_most: int) -> list[LogRecord]:
        """The newest of the wanted records, in the order of time."""
        log = tables.log
        query = _select(wanted).order_by(log.c.at.desc(), log.c.id.desc()).limit(at_most)
        async with self._transactions.read() as connection:
            return values(LogRecord, (await connection.execute(query)).all())[::-1]

    async def after(self, position: int, wanted: Wanted, at_most: int = 1000) -> list[LogRecord]:
        """The wanted records that arrived after the one with this id, in the order of arrival."""
        query = _select(wanted).where(tables.log.c.id > position).order_by(tables.log.c.id).limit(at_most)
        async with self._transactions.read() as connection:
            return values(LogRecord, (await connection.execute(query)).all())

    async def position(self) -> int:
        """The id of the record that arrived last; 0 = there is none."""
        async with self._transactions.read() as connection:
            return int((await connection.scalar(select(func.max(tables.log.c.id)))) or 0)

    @asynccontextmanager
    async def listening(self, heard: Callable[[], None], lost: Callable[[], None]) -> AsyncIterator[None]:
        """Call ``heard()`` whenever records have arrived, and ``lost()`` when the connection is. PostgreSQL only.

        :raises UsageError: the database is another.
        :raises DatabaseUnavailable: it does not answer.
        """
        if not self._is_postgresql:
            raise UsageError("The log of a site without a log server cannot be followed.", mend="Read log/*.log.")

        def on_notice(*_: object) -> None:
            heard()

        def on_end(_: object) -> None:
            lost()

        with translated():
            async with self._transactions.engine.connect() as connection:
                raw: Any = (await connection.get_raw_connection()).driver_connection
                raw.add_termination_listener(on_end)
                await raw.add_listener(CHANNEL, on_notice)
                try:
                    yield
                finally:
                    raw.remove_termination_listener(on_end)
                    if not raw.is_closed():
                        await raw.remove_listener(CHANNEL, on_notice)

    async def count(self) -> int:
        """How many records there are."""
        async with self._transactions.read() as connection:
            return int((await connection.scalar(select(func.count()).select_from(tables.log))) or 0)

    async def size_bytes(self) -> int:
        """Of all records, as they were given."""
        async with self._transactions.read() as connection:
            return int((await connection.scalar(select(func.coalesce(func.sum(tables.log.c.size_bytes), 0)))) or 0)

    async def disk_bytes(self) -> int:
        """Of the table and its indexes on disk, room of deleted rows included; 0 where that is not known."""
        if not self._is_postgresql:
            return 0
        async with self._transactions.read() as connection:
            return int((await connection.scalar(text("SELECT pg_total_relation_size('log')"))) or 0)

    async def prune_before(self, moment: datetime) -> int:
        """Delete up to `PRUNE_ROWS` of the records older than this; returns how many."""
        log = tables.log
        oldest = select(log.c.id).where(log.c.at < moment).order_by(log.c.at).limit(PRUNE_ROWS)
        async with self._transactions.write() as connection:
            return (await connection.execute(delete(log).where(log.c.id.in_(oldest)))).rowcount

    async def prune_oldest(self, excess_bytes: int) -> int:
        """Delete up to `PRUNE_ROWS` of the oldest, until this much is gone; returns how many bytes are."""
        log = tables.log
        oldest = select(log.c.id, log.c.size_bytes).order_by(log.c.at, log.c.id).limit(PRUNE_ROWS)
        async with self._transactions.write() as connection:
            gone, last = 0, []
            for row in (await connection.execute(oldest)).all():
                if gone >= excess_bytes:
                    break
                gone += row.size_bytes
                last.append(row.id)
            await connection.execute(delete(log).where(log.c.id.in_(last)))
        return gone


# --- statements

_COLUMNS = {
    "process": "text",
    "n": "bigint",
    "at": "timestamptz",
    "component": "text",
    "instance": "bigint",
    "host": "text",
    "level": "bigint",
    "name": "text",
    "event": "text",
    "workspace": "text",
    "account": "text",
    "fields": "text",
    "traceback": "text",
    "size_bytes": "bigint",
}
assert tuple(_COLUMNS) == tuple(one.name for one in fields(NewRecord))

_INSERT = text(
    f"INSERT INTO log ({', '.join(_COLUMNS)}) "
    f"SELECT {', '.join('CAST(fields AS json)' if name == 'fields' else name for name in _COLUMNS)} "
    f"FROM unnest({', '.join(f'CAST(:{name} AS {kind}[])' for name, kind in _COLUMNS.items())}) "
    f"AS given ({', '.join(_COLUMNS)}) ON CONFLICT (process, n) DO NOTHING"
)
_ENCODE = json.JSONEncoder(allow_nan=False).encode
_NOTIFY = text("SELECT pg_notify('sagews_log', '')")


def _arrays(records: Sequence[NewRecord]) -> dict[str, list[Any]]:
    arrays: dict[str, list[Any]] = {name: [getattr(record, name) for record in records] for name in _COLUMNS}
    for name, kind in _COLUMNS.items():
        if kind == "text" and name != "fields":
            arrays[name] = [None if value is None else escape(value) for value in arrays[name]]
    arrays["at"] = [moment.astimezone(UTC) for moment in arrays["at"]]
    arrays["fields"] = [_ENCODE(value) for value in arrays["fields"]]
    return arrays


def _select(wanted: Wanted) -> Select[Any]:
    return select(*columns(tables.log, LogRecord)).where(and_(*_conditions(wanted)))


def _conditions(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    log = tables.log
    yield log.c.level >= wanted.level
    if wanted.components:
        yield or_(
            *(
                and_(log.c.component == name, *(() if number is None else (log.c.instance == number,)))
                for name, number in wanted.components
            )
        )
    if wanted.since is not None:
        yield log.c.at >= wanted.since
    if wanted.until is not None:
        yield log.c.at < wanted.until
    if wanted.workspace:
        yield log.c.workspace == wanted.workspace
    for word in wanted.text.split():
        in_json = json.dumps(word)[1:-1]  # as it stands there: escapes for what is not ASCII
        yield or_(
            log.c.event.icontains(word, autoescape=True),
            log.c.name.icontains(word, autoescape=True),
            log.c.traceback.icontains(word, autoescape=True),
            cast(log.c.fields, Text).icontains(in_json, autoescape=True),
        )
