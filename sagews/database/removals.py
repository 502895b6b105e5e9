"""Removals: who was taken out of a workspace, or given a smaller role in it, and when.

Invariant: an invitation that was there before does not undo it; a later one, or an owner's word, does.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.transactions import Transactions

_removals = tables.removals


async def note_removal(
    transactions: Transactions, connection: AsyncConnection, workspace: str, account: str, now: datetime
) -> None:
    """Remember it, as a part of another store's transaction."""
    note = transactions.insert(_removals).values(workspace=workspace, account=account, removed=now)
    await connection.execute(note.on_conflict_do_update(index_elements=["workspace", "account"], set_={"removed": now}))


async def was_removed(connection: AsyncConnection, workspace: str, account: str, since: datetime) -> bool:
    """Whether that was at this moment or after it."""
    query = select(_removals.c.removed).where(
        _removals.c.workspace == workspace, _removals.c.account == account, _removals.c.removed >= since
    )
    return (await connection.execute(query)).first() is not None
