"""VersionNames: what people call versions of their workspaces.

Invariant: a version has one name; the versions themselves are in the bundles and know nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from sagews.database import tables
from sagews.database.clock import Clock
from sagews.database.names import checked
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions


@dataclass(frozen=True)
class VersionName:
    """The name of a version (its commit), and who gave it when."""

    version: str
    name: str
    account: str
    named: datetime


class VersionNames:
    """Names of the versions of workspaces."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def of_workspace(self, workspace: str) -> dict[str, VersionName]:
        """By version."""
        names = tables.version_names
        query = select(*columns(names, VersionName)).where(names.c.workspace == workspace)
        async with self._transactions.read() as connection:
            found = values(VersionName, (await connection.execute(query)).all())
        return {one.version: one for one in found}

    async def give(self, workspace: str, version: str, name: str, account: str) -> None:
        """Give a version this name instead of the one that it has.

        :raises UsageError: the name is blank or too long.
        :raises Conflict: there is no such workspace.
        """
        row = {"name": checked(name, "a version's name"), "account": account, "named": self._clock()}
        insert = self._transactions.insert(tables.version_names).values(workspace=workspace, version=version, **row)
        async with self._transactions.write() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=["workspace", "version"], set_=row))

    async def take(self, workspace: str, version: str) -> None:
        """Take the name of a version away; repeatable."""
        names = tables.version_names
        statement = delete(names).where(names.c.workspace == workspace, names.c.version == version)
        async with self._transactions.write() as connection:
            await connection.execute(statement)
