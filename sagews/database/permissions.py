"""Permissions: which account has which role in which workspace."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.choices import Role
from sagews.database.clock import Clock
from sagews.database.collaborators import most_collaborators, require_place
from sagews.database.notices import Notice, Topic
from sagews.database.removals import note_removal
from sagews.database.transactions import Transactions
from sagews.errors import Conflict, NotAllowed, NotFound


@dataclass(frozen=True)
class Permission:
    """``account`` (of that ``name``) has ``role`` in ``workspace``."""

    workspace: str
    account: str
    name: str
    role: Role


class Permissions:
    """Looking up, granting and taking away."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def role(self, workspace: str, account: str) -> Role | None:
        """The account's role in the workspace; ``None`` if it has none, or the workspace was deleted."""
        permissions, workspaces = tables.permissions, tables.workspaces
        query = (
            select(permissions.c.role)
            .join(workspaces, workspaces.c.id == permissions.c.workspace)
            .where(permissions.c.workspace == workspace, permissions.c.account == account)
            .where(workspaces.c.deleted_at.is_(None))
        )
        async with self._transactions.read() as connection:
            role: Role | None = (await connection.execute(query)).scalar_one_or_none()
        return role

    async def require(self, workspace: str, account: str, needed: Role) -> Role:
        """The account's role, if it includes ``needed``.

        :raises NotFound: there is no such workspace, or the account may not know that there is.
        :raises NotAllowed: the account may see the workspace, but not do this.
        """
        role = await self.role(workspace, account)
        if role is None:
            raise NotFound("There is no such workspace.")
        if not role.includes(needed):
            raise NotAllowed(f"A {role} of the workspace may not do this; a {needed} may.")
        return role

    async def grant(self, workspace: str, account: str, role: Role) -> None:
        """Give the account this role, instead of the one it has; where that was greater, invitations give it no more.

        :raises Conflict: there is no such workspace or account, or the workspace would be without an owner.
        :raises OverLimit: the workspace has as many collaborators as it may.
        """
        insert = self._transactions.insert(tables.permissions).values(workspace=workspace, account=account, role=role)
        change = insert.on_conflict_do_update(index_elements=["workspace", "account"], set_={"role": role})
        async with self._transactions.write() as connection:
            if role is not Role.OWNER:
                await self._refuse_main_owner(connection, workspace, account)
            await require_place(connection, workspace, account, role)
            before = await role_of(connection, workspace, account)
            await connection.execute(change)
            if before is not None and not role.includes(before):
                await note_removal(self._transactions, connection, workspace, account, self._clock())
            await self._transactions.tell(connection, Notice(Topic.PERMISSION, workspace, account))

    async def revoke(self, workspace: str, account: str) -> None:
        """Take the account's role away, for good: no invitation that there is now gives it back. Repeatable.

        :raises Conflict: the workspace would be without an owner.
        """
        async with self._transactions.write() as connection:
            if await self._delete(connection, workspace, account):
                await note_removal(self._transactions, connection, workspace, account, self._clock())

    async def leave(self, workspace: str, account: str) -> None:
        """Give the account's role up; an invitation that is still good lets it come back. Repeatable.

        :raises Conflict: the workspace would be without an owner.
        """
        async with self._transactions.write() as connection:
            await self._delete(connection, workspace, account)

    async def most_collaborators(self, owner: str) -> int:
        """How many collaborators the workspace of this owner has that has most (for the limit)."""
        async with self._transactions.read() as connection:
            return await most_collaborators(connection, owner)

    async def of_workspace(self, workspace: str) -> list[Permission]:
        """Who has which role in the workspace, by name."""
        permissions, accounts = tables.permissions, tables.accounts
        query = (
            select(permissions.c.workspace, permissions.c.account, accounts.c.name, permissions.c.role)
            .join(accounts, accounts.c.id == permissions.c.account)
            .where(permissions.c.workspace == workspace)
            .order_by(accounts.c.name, accounts.c.id)
        )
        async with self._transactions.read() as connection:
            return [Permission(*row) for row in await connection.execute(query)]

    async def _delete(self, connection: AsyncConnection, workspace: str, account: str) -> bool:
        """Whether there was something to delete."""
        permissions = tables.permissions
        condition = (permissions.c.workspace == workspace) & (permissions.c.account == account)
        await self._refuse_main_owner(connection, workspace, account)
        deleted = (await connection.execute(delete(permissions).where(condition))).rowcount
        await self._transactions.tell(connection, Notice(Topic.PERMISSION, workspace, account))
        return bool(deleted)

    async def _refuse_main_owner(self, connection: AsyncConnection, workspace: str, account: str) -> None:
        workspaces = tables.workspaces
        query = select(workspaces.c.id).where(workspaces.c.id == workspace, workspaces.c.owner == account)
        if (await connection.execute(query)).first() is not None:
            raise Conflict("The account that owns the workspace stays its owner.", mend="Delete the workspace instead.")


async def role_of(connection: AsyncConnection, workspace: str, account: str) -> Role | None:
    """The account's role in the workspace (deleted or not), as a part of another store's transaction."""
    permissions = tables.permissions
    query = select(permissions.c.role).where(permissions.c.workspace == workspace, permissions.c.account == account)
    role: Role | None = (await connection.execute(query)).scalar_one_or_none()
    return role
