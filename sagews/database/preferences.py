"""Preferences: what a person chose for the pages, as JSON under keys that the pages define."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from sagews.database import tables
from sagews.database.names import checked
from sagews.database.transactions import Transactions


class Preferences:
    """The preferences of each account."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def read(self, account: str) -> dict[str, Any]:
        """All preferences of an account."""
        preferences = tables.preferences
        query = select(preferences.c.key, preferences.c["value"]).where(preferences.c.account == account)
        async with self._transactions.read() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    async def write(self, account: str, key: str, value: Any) -> None:
        """Set one preference; ``value`` is anything that JSON holds.

        :raises UsageError: the key is blank or too long.
        :raises Conflict: there is no such account.
        """
        key = checked(key, "a preference's key")
        insert = self._transactions.insert(tables.preferences).values(account=account, key=key, value=value)
        change = insert.on_conflict_do_update(index_elements=["account", "key"], set_={"value": insert.excluded.value})
        async with self._transactions.write() as connection:
            await connection.execute(change)

    async def forget(self, account: str, key: str) -> None:
        """Back to the default; repeatable."""
        preferences = tables.preferences
        statement = delete(preferences).where(preferences.c.account == account, preferences.c.key == key)
        async with self._transactions.write() as connection:
            await connection.execute(statement)
