"""Ownership: the one account whose a workspace is. It changes hands, and ends with the account.

Invariant: every workspace that is not deleted has one owner, who has the role of one; nobody gets more workspaces than
the account type allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.choices import Role
from sagews.database.clock import Clock
from sagews.database.gone_workspaces import delete_for_good
from sagews.database.notices import Notice, Topic
from sagews.database.transactions import Transactions
from sagews.errors import Conflict, NotFound, OverLimit

_accounts, _permissions, _workspaces = tables.accounts, tables.permissions, tables.workspaces


@dataclass(frozen=True)
class SharedWorkspace:
    """A workspace of an account, in which ``others`` (ids and names of accounts) have a role."""

    id: str
    name: str
    others: tuple[tuple[str, str], ...]


class Ownership:
    """Handing over, and deleting an account with all that is its own."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def transfer(self, workspace: str, owner: str, to: str) -> None:
        """Make another member the owner; who was it, is a collaborator then.

        :raises NotFound: the owner has no such workspace, or the other one no role in it.
        :raises OverLimit: the new owner has as many workspaces as the account may.
        :raises Conflict: the new owner has a workspace of that name.
        """
        async with self._transactions.write() as connection:
            await self._transfer(connection, workspace, owner, to)

    async def shared(self, owner: str) -> list[SharedWorkspace]:
        """The account's workspaces in which others have a role, by name."""
        async with self._transactions.read() as connection:
            return await _shared(connection, owner)

    async def delete_account(self, account: str, decided: Mapping[str, str]) -> None:
        """Delete an account and all that is its own, for good.

        :param decided: for each of its workspaces that others share, the account that gets it, or "" = delete it.
        :raises Conflict: nothing is decided for one of them, or what is decided cannot be done (nothing is changed).
        :raises NotFound: there is no such account, or somebody who is to get a workspace has no role in it.
        :raises OverLimit: somebody may not have that many.
        """
        async with self._transactions.write() as connection:
            shared = await _shared(connection, account)
            undecided = [one.name for one in shared if one.id not in decided]
            if undecided:
                raise Conflict(
                    f"Others share {', '.join(undecided[:10])}.", mend="Say for each who gets it, or that it goes too."
                )
            for one in shared:
                if decided[one.id]:
                    await self._transfer(connection, one.id, account, decided[one.id])
            await delete_for_good(self._transactions, connection, _workspaces.c.owner == account, self._clock())
            if not (await connection.execute(delete(_accounts).where(_accounts.c.id == account))).rowcount:
                raise NotFound(f"There is no account {account!r}.")
            await self._transactions.tell(connection, Notice(Topic.ACCOUNT, account))
            await self._transactions.tell(connection, Notice(Topic.PUBLISHED, ""))

    async def _transfer(self, connection: AsyncConnection, workspace: str, owner: str, to: str) -> None:
        own = (_workspaces.c.owner == owner) & _workspaces.c.deleted_at.is_(None)
        named = select(_workspaces.c.name).where(_workspaces.c.id == workspace, own)
        name = (await connection.execute(named)).scalar_one_or_none()
        if name is None:
            raise NotFound("The account has no such workspace.")
        await _require_may_have(connection, workspace, name, to)
        await connection.execute(update(_workspaces).where(_workspaces.c.id == workspace).values(owner=to))
        for account, role in ((to, Role.OWNER), (owner, Role.COLLABORATOR)):
            of = (_permissions.c.workspace == workspace) & (_permissions.c.account == account)
            await connection.execute(update(_permissions).where(of).values(role=role))
            await self._transactions.tell(connection, Notice(Topic.PERMISSION, workspace, account))


async def _require_may_have(connection: AsyncConnection, workspace: str, name: str, account: str) -> None:
    types = tables.account_types
    member = (
        select(_accounts.c.name, types.c.workspaces)
        .join(types, types.c.id == _accounts.c.account_type)
        .join(_permissions, _permissions.c.account == _accounts.c.id)
        .where(_permissions.c.workspace == workspace, _accounts.c.id == account, _accounts.c.disabled.is_(False))
    )
    row = (await connection.execute(member)).one_or_none()
    if row is None:
        raise NotFound("Who is to get the workspace has no role in it.", mend="Share it with them first.")
    has = (_workspaces.c.owner == account) & _workspaces.c.deleted_at.is_(None)
    if row.workspaces:
        count = (await connection.execute(select(func.count()).where(has))).scalar_one()
        if count >= row.workspaces:
            raise OverLimit(f"{row.name} has as many workspaces as the account may.", mend="Choose somebody else.")
    if (await connection.execute(select(_workspaces.c.id).where(has, _workspaces.c.name == name))).first():
        raise Conflict(f"{row.name} has a workspace named {name!r} already.", mend="Rename this one first.")


async def _shared(connection: AsyncConnection, owner: str) -> list[SharedWorkspace]:
    query = (
        select(_workspaces.c.id, _workspaces.c.name, _accounts.c.id, _accounts.c.name)
        .join(_permissions, _permissions.c.workspace == _workspaces.c.id)
        .join(_accounts, _accounts.c.id == _permissions.c.account)
        .where(_workspaces.c.owner == owner, _workspaces.c.deleted_at.is_(None), _permissions.c.account != owner)
        .order_by(_workspaces.c.name, _workspaces.c.id, _accounts.c.name, _accounts.c.id)
    )
    found: dict[str, SharedWorkspace] = {}
    for workspace, name, account, account_name in await connection.execute(query):
        others = found[workspace].others if workspace in found else ()
        found[workspace] = SharedWorkspace(workspace, name, (*others, (account, account_name)))
    return list(found.values())
