"""Transactions: the only way in which the stores reach the database.

Invariant: a ``write()`` that ended without an exception is committed, one with an exception left nothing.
"""

from __future__ import annotations

from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from sagews.database.failures import translated
from sagews.database.notices import CHANNEL, Notice, Notices


class Transactions:
    """Reading and writing transactions on one engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.notices = Notices(engine)
        self._untold: list[Notice] = []
        """On SQLite: what is told when the writing transaction is committed."""
        self._is_sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer at a time. Waiting here is fair and immediate; waiting in SQLite is polling.
        self._turn = Lock()
        # IMMEDIATE takes the write lock first, so that what a transaction reads cannot change before it writes.
        self._writing = engine.execution_options(sqlite_begin="BEGIN IMMEDIATE") if self._is_sqlite else engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads.

        :raises DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end of the block, or undone if the block raises.

        :raises Conflict: a row breaks a uniqueness or foreign key rule.
        :raises DatabaseUnavailable: the database does not answer; whether the commit was done is then unknown.
        """
        with translated():
            async with AsyncExitStack() as stack:
                if self._is_sqlite:
                    await stack.enter_async_context(self._turn)
                connection = await stack.enter_async_context(self._writing.begin())
                self._untold.clear()
                yield connection
                untold = tuple(self._untold)
        for notice in untold:
            self.notices.tell_here(notice)

    async def tell(self, connection: AsyncConnection, notice: Notice) -> None:
        """Tell every backend when this transaction is committed; nobody, if it is undone."""
        if self._is_sqlite:
            self._untold.append(notice)
            return
        statement = text("SELECT pg_notify(:channel, :payload)")
        await connection.execute(statement, {"channel": CHANNEL, "payload": notice.payload()})

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``, in this database's dialect."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)
