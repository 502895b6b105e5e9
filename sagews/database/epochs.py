"""Fencing: rows are written only in the epoch that is current.

Invariant: while a transaction holds an epoch, no other one can begin a new epoch of that workspace.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.errors import Fenced


async def hold_epoch(connection: AsyncConnection, workspace: str, epoch: int) -> None:
    """Make sure that ``epoch`` is the workspace's and stays so to the end of this (writing) transaction.

    On PostgreSQL ``FOR SHARE`` waits for an opening that is under way and sees what it did, and the next opening waits
    for us, while several holders run together. On SQLite there is one writing transaction at a time.

    :raises Fenced: the workspace is in another epoch, or is no more.
    """
    query = select(tables.workspaces.c.epoch).where(tables.workspaces.c.id == workspace).with_for_update(read=True)
    if (await connection.execute(query)).scalar_one_or_none() != epoch:
        raise Fenced
