"""Collaborators: how many others may edit a workspace and run in it, as the account type of its owner says.

Readers do not count. Invariant: whoever gets in counts first, in a transaction that holds the workspace's row, so that
many at once are not more than may be.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.choices import Role
from sagews.errors import OverLimit

_accounts, _permissions, _workspaces = tables.accounts, tables.permissions, tables.workspaces


async def require_place(connection: AsyncConnection, workspace: str, account: str, role: Role) -> None:
    """Make sure, to the end of this (writing) transaction, that the account may get the role.

    :raises OverLimit: the workspace has as many collaborators as it may.
    """
    if not role.includes(Role.COLLABORATOR):
        return
    hold = select(_workspaces.c.owner).where(_workspaces.c.id == workspace).with_for_update(key_share=True)
    owner: str | None = (await connection.execute(hold)).scalar_one_or_none()
    if owner is None or owner == account:
        return
    types = tables.account_types
    allowed = select(types.c.collaborators).join(_accounts, _accounts.c.account_type == types.c.id)
    limit = (await connection.execute(allowed.where(_accounts.c.id == owner))).scalar_one()
    others = and_(_permissions.c.workspace == workspace, _permissions.c.account.not_in((owner, account)), _counts())
    if limit and (await connection.execute(select(func.count()).where(others))).scalar_one() >= limit:
        raise OverLimit(
            f"The workspace has {limit} collaborators, as many as its owner's account may.",
            mend="Its owner can remove one, or make one a reader.",
        )


async def most_collaborators(connection: AsyncConnection, owner: str) -> int:
    """How many the workspace of this owner has that has most."""
    each = (
        select(func.count().label("count"))
        .select_from(_permissions)
        .join(_workspaces, _workspaces.c.id == _permissions.c.workspace)
        .where(_workspaces.c.owner == owner, _workspaces.c.deleted_at.is_(None), _permissions.c.account != owner)
        .where(_counts())
        .group_by(_permissions.c.workspace)
        .subquery()
    )
    return int((await connection.execute(select(func.coalesce(func.max(each.c.count), 0)))).scalar_one())


def _counts() -> ColumnElement[bool]:
    return _permissions.c.role.in_([role for role in Role if role.includes(Role.COLLABORATOR)])
