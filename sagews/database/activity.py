"""Activity: who did what in which workspace, for its history and for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from sagews.database import tables
from sagews.database.clock import Clock
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions


@dataclass(frozen=True)
class Action:
    """One thing done; ``details`` is what JSON holds."""

    id: int
    at: datetime
    account: str | None
    workspace: str | None
    action: str
    details: dict[str, Any]


class Activity:
    """Noting and reading what was done."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def note(
        self,
        action: str,
        *,
        account: str | None = None,
        workspace: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what was done now.

        :param action: one word for it: ``workspace_renamed``.
        :raises Conflict: there is no such account.
        """
        row = {"at": self._clock(), "account": account, "workspace": workspace, "action": action}
        async with self._transactions.write() as connection:
            await connection.execute(insert(tables.activity).values(**row, details=dict(details or {})))

    async def latest(
        self, *, account: str | None = None, workspace: str | None = None, before: int | None = None, at_most: int = 100
    ) -> list[Action]:
        """What was done, the newest first.

        :param account: only by this account.
        :param workspace: only in this workspace.
        :param before: only what has a smaller id, for the next page.
        """
        activity = tables.activity
        query = select(*columns(activity, Action)).order_by(activity.c.id.desc()).limit(at_most)
        for column, wanted in ((activity.c.account, account), (activity.c.workspace, workspace)):
            if wanted is not None:
                query = query.where(column == wanted)
        if before is not None:
            query = query.where(activity.c.id < before)
        async with self._transactions.read() as connection:
            return values(Action, (await connection.execute(query)).all())
