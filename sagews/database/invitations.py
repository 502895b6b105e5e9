"""Invitations: a secret that lets whoever has it into a workspace, or (where the site wants one) sign up.

Invariants: the database holds only hashes of the secrets. An invitation is good while who made it is still an owner of
the workspace, and for so many uses; it never takes a role away, nor gives one back that was taken away since.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.choices import Role
from sagews.database.clock import Clock
from sagews.database.collaborators import require_place
from sagews.database.names import checked
from sagews.database.notices import Notice, Topic
from sagews.database.permissions import role_of
from sagews.database.removals import was_removed
from sagews.database.rows import columns, value, values
from sagews.database.tokens import hashed
from sagews.database.transactions import Transactions
from sagews.errors import NotAllowed, NotFound, OverLimit

MOST_PER_WORKSPACE = 100
_invitations, _permissions, _workspaces = tables.invitations, tables.permissions, tables.workspaces


@dataclass(frozen=True)
class Invitation:
    """What is known of an invitation; not its secret. ``workspace`` and ``role`` are None for one to the site only."""

    id: str
    workspace: str | None
    role: Role | None
    address: str
    """For whom it was made, as its maker wrote it; "" = for whoever gets the link."""
    made_by: str | None
    created: datetime
    expires: datetime
    uses_left: int | None
    """None = any number."""


@dataclass(frozen=True)
class NewInvitation:
    """An invitation just made. ``secret`` is shown this once and never stored."""

    invitation: Invitation
    secret: str

    def __repr__(self) -> str:
        return f"NewInvitation(invitation={self.invitation!r}, secret=...)"


class Invitations:
    """Making, looking at, using and taking back invitations."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def create(
        self,
        *,
        workspace: str | None = None,
        role: Role | None = None,
        made_by: str | None = None,
        address: str = "",
        lifetime: timedelta,
        uses: int | None = 1,
    ) -> NewInvitation:
        """Make an invitation.

        :param address: for whom; "" = for whoever gets the link.
        :param uses: how many may use it; None = any number.
        :raises UsageError: the address is too long.
        :raises OverLimit: the workspace has `MOST_PER_WORKSPACE` already.
        :raises Conflict: there is no such workspace.
        """
        secret, now = secrets.token_urlsafe(32), self._clock()
        address = checked(address, "an address") if address else ""
        new = Invitation(uuid4().hex, workspace, role, address, made_by, now, now + lifetime, uses)
        counted = select(func.count()).where(_invitations.c.workspace == workspace, self._is_live())
        async with self._transactions.write() as connection:
            if workspace and (await connection.execute(counted)).scalar_one() >= MOST_PER_WORKSPACE:
                raise OverLimit(
                    f"The workspace has {MOST_PER_WORKSPACE} invitations, as many as it may.",
                    mend="Take some back first.",
                )
            await connection.execute(insert(_invitations).values(**vars(new), sha256=hashed(secret)))
        return NewInvitation(new, secret)

    async def of_workspace(self, workspace: str) -> list[Invitation]:
        """Those that are good, the newest first."""
        query = self._good().where(_invitations.c.workspace == workspace)
        async with self._transactions.read() as connection:
            rows = await connection.execute(query.order_by(_invitations.c.created.desc(), _invitations.c.id))
            return values(Invitation, rows.all())

    async def look(self, secret: str) -> Invitation:
        """:raises NotFound: it is wrong, used up, taken back, or its time is over."""
        async with self._transactions.read() as connection:
            return await self._find(connection, secret)

    async def take_back(self, workspace: str, invitation: str) -> None:
        """Make it useless; repeatable."""
        condition = and_(_invitations.c.id == invitation, _invitations.c.workspace == workspace)
        async with self._transactions.write() as connection:
            await connection.execute(delete(_invitations).where(condition))

    async def forget_old(self) -> int:
        """Delete those that are good for nothing any more; returns how many."""
        async with self._transactions.write() as connection:
            return (await connection.execute(delete(_invitations).where(~self._is_live()))).rowcount

    async def use(self, connection: AsyncConnection, secret: str, account: str) -> Invitation:
        """Give the account what it is invited to, as a part of another store's transaction.

        Who has that role or a greater one keeps it, and uses nothing up.

        :raises NotFound: as `look`.
        :raises NotAllowed: since it was made the account was removed, or given a smaller role.
        :raises OverLimit: the workspace has as many collaborators as it may.
        """
        found = await self._find(connection, secret)
        if found.workspace is not None and found.role is not None:
            has = await role_of(connection, found.workspace, account)
            if has is not None and has.includes(found.role):
                return found
            if await was_removed(connection, found.workspace, account, found.created):
                raise NotAllowed(
                    "You were removed from this workspace after the invitation was made.",
                    mend="Ask an owner of the workspace for a new one.",
                )
            await require_place(connection, found.workspace, account, found.role)
        use = update(_invitations).where(_invitations.c.id == found.id, self._is_live())
        if not (await connection.execute(use.values(uses_left=_invitations.c.uses_left - 1))).rowcount:
            raise _nothing()
        if found.workspace is not None and found.role is not None:
            row = {"workspace": found.workspace, "account": account, "role": found.role}
            grant = self._transactions.insert(_permissions).values(row)
            await connection.execute(
                grant.on_conflict_do_update(index_elements=["workspace", "account"], set_={"role": found.role})
            )
            await self._transactions.tell(connection, Notice(Topic.PERMISSION, found.workspace, account))
        return found

    async def _find(self, connection: AsyncConnection, secret: str) -> Invitation:
        row = (await connection.execute(self._good().where(_invitations.c.sha256 == hashed(secret)))).one_or_none()
        if row is None:
            raise _nothing()
        return value(Invitation, row)

    def _is_live(self) -> ColumnElement[bool]:
        left = or_(_invitations.c.uses_left.is_(None), _invitations.c.uses_left > 0)
        return and_(left, _invitations.c.expires > self._clock())

    def _good(self) -> Select[tuple[Invitation]]:
        """Those that are live, and whose maker could make them now."""
        of_owner = (
            select(_permissions.c.account)
            .join(_workspaces, _workspaces.c.id == _permissions.c.workspace)
            .join(tables.accounts, tables.accounts.c.id == _permissions.c.account)
            .where(_permissions.c.workspace == _invitations.c.workspace, _permissions.c.role == Role.OWNER)
            .where(_permissions.c.account == _invitations.c.made_by)
            .where(_workspaces.c.deleted_at.is_(None), tables.accounts.c.disabled.is_(False))
        )
        to_the_site = _invitations.c.workspace.is_(None)
        query: Select[tuple[Invitation]] = select(*columns(_invitations, Invitation))
        return query.where(self._is_live(), or_(to_the_site, of_owner.exists()))


def _nothing() -> NotFound:
    return NotFound("This invitation was used already or taken back, or its time is over.", mend="Ask for a new one.")
