"""Account types: what the accounts of one kind may use."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select

from sagews.database import tables
from sagews.database.rows import columns, value, values
from sagews.database.transactions import Transactions
from sagews.errors import NotFound

_MIB = 1024**2
_GIB = 1024**3


@dataclass(frozen=True)
class AccountType:
    """A kind of account and its limits (0 = no limit; sessions, workspaces, what is published are for one account).

    Memory, CPU, wall and idle time, processes, open files, file size and output are for one session; disk (bytes, and
    files and folders) and collaborators (who may edit and run, besides the owner) are for one workspace.
    """

    id: str
    memory_bytes: int = 4 * _GIB
    cpu_seconds: int = 24 * 3600
    wall_seconds: int = 7 * 24 * 3600
    idle_seconds: int = 24 * 3600
    processes: int = 256
    open_files: int = 1024
    file_size_bytes: int = 2 * _GIB
    disk_bytes: int = 10 * _GIB
    disk_files: int = 200_000
    output_bytes: int = 512 * _MIB
    sessions: int = 20
    workspaces: int = 1000
    collaborators: int = 100
    published_bytes: int = _GIB
    may_publish: bool = True


STANDARD = "standard"
"""Id of the type of those who have no other: it may use the site, not administer it."""


class AccountTypes:
    """The kinds of accounts that a site has."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def save(self, account_type: AccountType) -> None:
        """Make an account type, or replace the limits of the one with this id."""
        row = asdict(account_type)
        insert = self._transactions.insert(tables.account_types).values(**row)
        limits = {name: limit for name, limit in row.items() if name != "id"}
        async with self._transactions.write() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=limits))

    async def ensure(self, account_type: str) -> None:
        """Make an account type with the standard limits, where there is none with this id; repeatable."""
        insert = self._transactions.insert(tables.account_types).values(**asdict(AccountType(account_type)))
        async with self._transactions.write() as connection:
            await connection.execute(insert.on_conflict_do_nothing())

    async def get(self, account_type: str) -> AccountType:
        """:raises NotFound: there is no such account type."""
        query = select(*columns(tables.account_types, AccountType)).where(tables.account_types.c.id == account_type)
        async with self._transactions.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"There is no account type {account_type!r}.")
        return value(AccountType, row)

    async def of_account(self, account: str) -> AccountType:
        """The limits of an account.

        :raises NotFound: there is no such account.
        """
        accounts = tables.accounts
        query = (
            select(*columns(tables.account_types, AccountType))
            .join(accounts, accounts.c.account_type == tables.account_types.c.id)
            .where(accounts.c.id == account)
        )
        async with self._transactions.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"There is no account {account!r}.")
        return value(AccountType, row)

    async def all(self) -> list[AccountType]:
        """All account types, by id."""
        query = select(*columns(tables.account_types, AccountType)).order_by(tables.account_types.c.id)
        async with self._transactions.read() as connection:
            return values(AccountType, (await connection.execute(query)).all())
