"""Workspaces: who has which, and which worker has it open.

Invariant: ``epoch`` only grows, by one at each opening and at deletion; what names an older one is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.choices import Role, WorkspaceKind
from sagews.database.clock import Clock
from sagews.database.gone_workspaces import delete_for_good
from sagews.database.names import checked
from sagews.database.notices import Notice, Topic
from sagews.database.rows import columns, value, values
from sagews.database.transactions import Transactions
from sagews.errors import Conflict, Fenced, NotFound


@dataclass(frozen=True)
class Workspace:
    """``worker`` is the id of the worker that has it open in ``epoch``, or ``None``."""

    id: str
    name: str
    owner: str
    kind: WorkspaceKind
    created: datetime
    changed: datetime
    deleted_at: datetime | None
    epoch: int
    worker: str | None


@dataclass(frozen=True)
class ListedWorkspace:
    """A workspace and what the account that asked may do in it."""

    workspace: Workspace
    role: Role


@dataclass(frozen=True)
class NamedWorkspace:
    """A workspace and its owner, as people call them."""

    id: str
    name: str
    owner: str
    owner_name: str


@dataclass(frozen=True)
class DeletedWorkspace:
    """A workspace that was deleted and is not purged yet."""

    id: str
    name: str
    owner: str
    owner_name: str
    deleted_at: datetime


class Workspaces:
    """Making, finding, opening and deleting workspaces."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def create(self, owner: str, name: str, kind: WorkspaceKind = WorkspaceKind.NORMAL) -> Workspace:
        """Make a workspace, of which ``owner`` (an account's id) is an owner.

        :raises UsageError: the name is blank or too long.
        :raises Conflict: the account has a workspace of that name, or there is no such account.
        """
        now = self._clock()
        name = checked(name, "a workspace's name")
        workspace = Workspace(uuid4().hex, name, owner, kind, now, now, deleted_at=None, epoch=0, worker=None)
        permission = {"workspace": workspace.id, "account": owner, "role": Role.OWNER}
        async with self._transactions.write() as connection:
            await _refuse_taken(connection, owner, name)
            await connection.execute(insert(tables.workspaces).values(**vars(workspace)))
            await connection.execute(insert(tables.permissions).values(**permission))
        return workspace

    async def get(self, workspace: str) -> Workspace:
        """:raises NotFound: there is no such workspace, or it was deleted."""
        query = select(*columns(tables.workspaces, Workspace)).where(_is(workspace))
        async with self._transactions.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("There is no such workspace.")
        return value(Workspace, row)

    async def of_account(self, account: str) -> list[ListedWorkspace]:
        """Every workspace in which the account has a role, the one changed last first."""
        workspaces, permissions = tables.workspaces, tables.permissions
        query = (
            select(*columns(workspaces, Workspace), permissions.c.role)
            .join(permissions, permissions.c.workspace == workspaces.c.id)
            .where(permissions.c.account == account, workspaces.c.deleted_at.is_(None))
            .order_by(workspaces.c.changed.desc(), workspaces.c.id)
        )
        async with self._transactions.read() as connection:
            rows = (await connection.execute(query)).all()
        return [ListedWorkspace(Workspace(*row[:-1]), row[-1]) for row in rows]

    async def count(self, owner: str) -> int:
        """How many workspaces the account owns (for its limit)."""
        workspaces = tables.workspaces
        query = select(func.count()).where(workspaces.c.owner == owner, workspaces.c.deleted_at.is_(None))
        async with self._transactions.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def rename(self, workspace: str, name: str) -> Workspace:
        """:raises UsageError: the name is blank or too long.
        :raises Conflict: its owner has another workspace of that name.
        :raises NotFound: there is no such workspace.
        """
        name = checked(name, "a workspace's name")
        statement = update(tables.workspaces).where(_is(workspace)).values(name=name, changed=self._clock())
        async with self._transactions.write() as connection:
            owner = (await connection.execute(select(tables.workspaces.c.owner).where(_is(workspace)))).scalar()
            if owner is None:
                raise NotFound("There is no such workspace.")
            await _refuse_taken(connection, owner, name, but=workspace)
            rows = await connection.execute(statement.returning(*columns(tables.workspaces, Workspace)))
            return value(Workspace, rows.one())

    async def touch(self, workspace: str) -> None:
        """Note that something in the workspace was changed now; nothing, where it was deleted."""
        async with self._transactions.write() as connection:
            await connection.execute(update(tables.workspaces).where(_is(workspace)).values(changed=self._clock()))

    async def delete(self, workspace: str) -> None:
        """Take a workspace out of sight; :meth:`restore` brings it back. A worker that has it open is fenced.

        :raises NotFound: there is no such workspace, or it is deleted already.
        """
        workspaces = tables.workspaces
        changes = {"deleted_at": self._clock(), "epoch": workspaces.c.epoch + 1, "worker": None}
        async with self._transactions.write() as connection:
            if (await connection.execute(update(workspaces).where(_is(workspace)).values(changes))).rowcount == 0:
                raise NotFound("There is no such workspace.")
            await self._transactions.tell(connection, Notice(Topic.DELETED, workspace))

    async def restore(self, workspace: str) -> None:
        """Undo :meth:`delete`; repeatable.

        :raises NotFound: there is no such workspace.
        :raises Conflict: its owner has another workspace of the same name now.
        """
        workspaces = tables.workspaces
        async with self._transactions.write() as connection:
            query = select(workspaces.c.owner, workspaces.c.name).where(workspaces.c.id == workspace).with_for_update()
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise NotFound("There is no such workspace.")
            await _refuse_taken(connection, row.owner, row.name, but=workspace)
            await connection.execute(update(workspaces).where(workspaces.c.id == workspace).values(deleted_at=None))

    async def deleted(self, at_most: int) -> list[DeletedWorkspace]:
        """Those that :meth:`restore` can bring back, the one deleted last first; without scratch workspaces."""
        table, accounts = tables.workspaces, tables.accounts
        query = (
            select(table.c.id, table.c.name, table.c.owner, accounts.c.name.label("owner_name"), table.c.deleted_at)
            .join(accounts, accounts.c.id == table.c.owner)
            .where(table.c.deleted_at.is_not(None), table.c.kind == WorkspaceKind.NORMAL)
            .order_by(table.c.deleted_at.desc(), table.c.id)
            .limit(at_most)
        )
        async with self._transactions.read() as connection:
            return [DeletedWorkspace(*row) for row in (await connection.execute(query)).all()]

    async def purge(self, workspace: str) -> None:
        """Delete a workspace and all that is stored for it, for good; repeatable."""
        async with self._transactions.write() as connection:
            await delete_for_good(self._transactions, connection, tables.workspaces.c.id == workspace, self._clock())

    async def purge_deleted(self, older_than: timedelta) -> int:
        """:meth:`purge` those that were deleted longer ago than this, each by itself; returns how many."""
        table, now = tables.workspaces, self._clock()
        is_old = table.c.deleted_at <= now - older_than
        async with self._transactions.read() as connection:
            found = (await connection.execute(select(table.c.id).where(is_old).order_by(table.c.id))).scalars().all()
        purged = 0
        for workspace in found:
            async with self._transactions.write() as connection:
                which = is_old & (table.c.id == workspace)  # it may have been restored meanwhile
                purged += len(await delete_for_good(self._transactions, connection, which, now))
        return purged

    async def open(self, workspace: str, worker: str, if_epoch: int) -> int:
        """Give the workspace to a worker: of all who try from the same epoch, one succeeds.

        :param if_epoch: the epoch that :meth:`get` told.
        :returns: the new epoch. Whoever writes with an older one is refused from now on.
        :raises Fenced: somebody opened it first; :meth:`get` tells the worker.
        :raises NotFound: there is no such workspace.
        """
        workspaces = tables.workspaces
        statement = (
            update(workspaces)
            .where(_is(workspace), workspaces.c.epoch == if_epoch)
            .values(epoch=workspaces.c.epoch + 1, worker=worker)
            .returning(workspaces.c.epoch)
        )
        async with self._transactions.write() as connection:
            epoch: int | None = (await connection.execute(statement)).scalar_one_or_none()
            if epoch is not None:
                await self._transactions.tell(connection, Notice(Topic.OPENED, workspace, epoch=epoch))
        if epoch is None:
            await self.get(workspace)
            raise Fenced
        return epoch

    async def close(self, workspace: str, epoch: int) -> None:
        """Note that the worker of this epoch has it open no longer.

        :raises Fenced: it is another worker's already.
        """
        condition = tables.workspaces.c.epoch == epoch
        statement = update(tables.workspaces).where(_is(workspace), condition).values(worker=None)
        async with self._transactions.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                raise Fenced

    async def epochs(self, workspaces: Collection[str]) -> dict[str, int]:
        """The epoch of each of these workspaces that is not deleted."""
        table = tables.workspaces
        query = select(table.c.id, table.c.epoch).where(table.c.id.in_(workspaces), table.c.deleted_at.is_(None))
        async with self._transactions.read() as connection:
            return {row.id: row.epoch for row in await connection.execute(query)}

    async def count_by_worker(self) -> dict[str, int]:
        """How many workspaces each worker has open, as far as the database knows."""
        table = tables.workspaces
        query = (
            select(table.c.worker, func.count())
            .where(table.c.worker.is_not(None), table.c.deleted_at.is_(None))
            .group_by(table.c.worker)
        )
        async with self._transactions.read() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    async def named(self, workspaces: Collection[str]) -> dict[str, NamedWorkspace]:
        """What people call these workspaces and their owners; without those that are deleted."""
        table, accounts = tables.workspaces, tables.accounts
        query = (
            select(table.c.id, table.c.name, table.c.owner, accounts.c.name.label("owner_name"))
            .join(accounts, accounts.c.id == table.c.owner)
            .where(table.c.id.in_(workspaces), table.c.deleted_at.is_(None))
        )
        async with self._transactions.read() as connection:
            rows = (await connection.execute(query)).all()
        return {row[0]: NamedWorkspace(*row) for row in rows}

    async def open_on(self, worker: str) -> list[Workspace]:
        """The workspaces that a worker has open."""
        workspaces = tables.workspaces
        query = select(*columns(workspaces, Workspace)).where(
            workspaces.c.worker == worker, workspaces.c.deleted_at.is_(None)
        )
        async with self._transactions.read() as connection:
            return values(Workspace, (await connection.execute(query.order_by(workspaces.c.id))).all())


def _is(workspace: str) -> ColumnElement[bool]:
    return (tables.workspaces.c.id == workspace) & tables.workspaces.c.deleted_at.is_(None)


async def _refuse_taken(connection: AsyncConnection, owner: str, name: str, but: str = "") -> None:
    workspaces = tables.workspaces
    query = select(workspaces.c.id).where(
        workspaces.c.owner == owner,
        workspaces.c.name == name,
        workspaces.c.deleted_at.is_(None),
        workspaces.c.id != but,
    )
    if (await connection.execute(query)).first() is not None:
        raise Conflict(f"There is a workspace named {name!r} already.", mend="Choose another name.")
