"""Gone workspaces: the ids of those that are deleted for good, so that what is left of them elsewhere goes too.

Invariant: a workspace's row and its note here change places in one transaction, and only by what is in this file. That
a workspace is not found proves nothing (the database may be an older one, or another); the note does.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.clock import Clock
from sagews.database.notices import Notice, Topic
from sagews.database.transactions import Transactions

_gone, _workspaces = tables.gone_workspaces, tables.workspaces


class GoneWorkspaces:
    """Looking them up, and forgetting them in the end."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def of(self, workspaces: Collection[str]) -> set[str]:
        """Those of these workspaces that are gone."""
        query = select(_gone.c.id).where(_gone.c.id.in_(workspaces))
        async with self._transactions.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def forget_old(self, older_than: timedelta) -> int:
        """Delete the notes that are older than this; returns how many."""
        statement = delete(_gone).where(_gone.c.gone < self._clock() - older_than)
        async with self._transactions.write() as connection:
            return (await connection.execute(statement)).rowcount


async def delete_for_good(
    transactions: Transactions, connection: AsyncConnection, which: ColumnElement[bool], now: datetime
) -> list[str]:
    """Delete workspaces with all that is stored for them, as a part of another store's transaction; returns their ids.

    :param which: the condition on their rows.
    """
    query = select(_workspaces.c.id).where(which).order_by(_workspaces.c.id).with_for_update()
    ids = list((await connection.execute(query)).scalars())
    if ids:
        await connection.execute(delete(_workspaces).where(_workspaces.c.id.in_(ids)))
        note = transactions.insert(_gone).on_conflict_do_nothing()
        await connection.execute(note, [{"id": workspace, "gone": now} for workspace in ids])
    for workspace in ids:
        await transactions.tell(connection, Notice(Topic.GONE, workspace))
    return ids
