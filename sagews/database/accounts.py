"""Accounts: the people of a site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.account_types import AccountType
from sagews.database.clock import Clock
from sagews.database.names import checked
from sagews.database.notices import Notice, Topic
from sagews.database.rows import columns, value, values
from sagews.database.transactions import Transactions
from sagews.errors import NotFound

SOLO = "solo"
"""Id of the one account of a solo site, and of its account type."""


@dataclass(frozen=True)
class Account:
    """A person who can sign in; ``name`` is what others see."""

    id: str
    name: str
    account_type: str
    disabled: bool
    created: datetime


class Accounts:
    """Making, finding and disabling accounts."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def create(self, name: str, account_type: str) -> Account:
        """Make an account; it can sign in when it has an identity or a token.

        :raises UsageError: the name is blank or too long.
        :raises Conflict: there is no such account type.
        """
        async with self._transactions.write() as connection:
            return await self.add(connection, name, account_type)

    async def add(self, connection: AsyncConnection, name: str, account_type: str) -> Account:
        """As :meth:`create`, as a part of another store's transaction."""
        account = Account(
            uuid4().hex, checked(name, "an account's name"), account_type, disabled=False, created=self._clock()
        )
        await connection.execute(insert(tables.accounts).values(**vars(account)))
        return account

    async def ensure_solo_account(self) -> Account:
        """The one account of a solo site, made (with its account type) when it is not there."""
        account = Account(SOLO, "You", SOLO, disabled=False, created=self._clock())
        types = self._transactions.insert(tables.account_types).values(**vars(AccountType(SOLO)))
        accounts = self._transactions.insert(tables.accounts).values(**vars(account))
        async with self._transactions.write() as connection:
            await connection.execute(types.on_conflict_do_nothing())
            await connection.execute(accounts.on_conflict_do_nothing())
        return await self.get(SOLO)

    async def get(self, account: str) -> Account:
        """:raises NotFound: there is no such account."""
        query = select(*columns(tables.accounts, Account)).where(tables.accounts.c.id == account)
        async with self._transactions.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"There is no account {account!r}.")
        return value(Account, row)

    async def all(self) -> list[Account]:
        """All accounts, the oldest first."""
        query = select(*columns(tables.accounts, Account)).order_by(tables.accounts.c.created, tables.accounts.c.id)
        async with self._transactions.read() as connection:
            return values(Account, (await connection.execute(query)).all())

    async def rename(self, account: str, name: str) -> None:
        """:raises UsageError: the name is blank or too long.
        :raises NotFound: there is no such account.
        """
        await self._change(account, name=checked(name, "an account's name"))

    async def disable(self, account: str) -> None:
        """Let nobody sign in to this account; its cookies and tokens are refused from now on.

        :raises NotFound: there is no such account.
        """
        await self._change(account, disabled=True)

    async def enable(self, account: str) -> None:
        """Undo :meth:`disable`.

        :raises NotFound: there is no such account.
        """
        await self._change(account, disabled=False)

    async def set_type(self, account: str, account_type: str) -> None:
        """:raises NotFound: there is no such account.
        :raises Conflict: there is no such account type.
        """
        await self._change(account, account_type=account_type)

    async def _change(self, account: str, **changes: object) -> None:
        statement = update(tables.accounts).where(tables.accounts.c.id == account).values(**changes)
        async with self._transactions.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                raise NotFound(f"There is no account {account!r}.")
            await self._transactions.tell(connection, Notice(Topic.ACCOUNT, account))
