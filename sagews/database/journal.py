"""The journal: every acknowledged edit that no checkpoint contains yet.

Invariant (I5 of the design): a row is written only while its epoch is the workspace's, so an edit of a worker that
was cut off is never acknowledged; and a row is deleted only with the checkpoint that contains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.clock import Clock
from sagews.database.epochs import hold_epoch
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions


@dataclass(frozen=True)
class Entry:
    """One edit, as the worker numbered it: ``n`` is its number in the workspace's stream, ``update`` the Yjs update.

    ``actor`` is who made it: an account's id, or what the worker writes for its own edits.
    """

    n: int
    document: str
    path: str
    update: bytes
    actor: str


@dataclass(frozen=True)
class JournalRow:
    """A stored edit."""

    epoch: int
    n: int
    document: str
    path: str
    update: bytes
    actor: str
    at: datetime


class Journal:
    """Writing and reading edits."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def append(self, workspace: str, epoch: int, entries: Sequence[Entry]) -> None:
        """Store edits, all or none, in one commit; when it returns they may be acknowledged.

        Entries that are stored already are left as they are: several backends write the same ones.

        :raises Fenced: ``epoch`` is over. Nothing was written, and the worker must close the workspace.
        :raises DatabaseUnavailable: nothing may be acknowledged; try again with the same entries.
        """
        if not entries:
            return
        at = self._clock()
        # In the order of n, so that two backends that write the same ones cannot wait for each other in a circle.
        ordered = sorted(entries, key=lambda entry: entry.n)
        rows = [{"workspace": workspace, "epoch": epoch, "at": at, **vars(entry)} for entry in ordered]
        insert = self._transactions.insert(tables.journal).on_conflict_do_nothing()
        async with self._transactions.write() as connection:
            await hold_epoch(connection, workspace, epoch)
            await connection.execute(insert, rows)

    async def read(self, workspace: str) -> list[JournalRow]:
        """All edits that no checkpoint contains, in order. For reopening, see ``Documents.load``."""
        async with self._transactions.read() as connection:
            return await read_journal(connection, workspace)


async def read_journal(connection: AsyncConnection, workspace: str) -> list[JournalRow]:
    """As :meth:`Journal.read`, as a part of another store's transaction."""
    journal = tables.journal
    query = select(*columns(journal, JournalRow)).where(journal.c.workspace == workspace)
    rows = await connection.execute(query.order_by(journal.c.epoch, journal.c.n))
    return values(JournalRow, rows.all())
