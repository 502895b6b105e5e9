"""Listings: the workspaces of an account as pages show them, from the cache where it has them.

Invariant: whoever changes what a listing shows, through any backend, sees the change in the next one. What others
changed may show a few seconds late. Nobody decides by a listing what somebody may do.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sagews.database.cache import Cache, Kind
from sagews.database.choices import Role, WorkspaceKind
from sagews.database.permissions import Permissions
from sagews.database.workspaces import ListedWorkspace, Workspace, Workspaces

FRESH_SECONDS = 5.0


def _write(listing: list[ListedWorkspace]) -> list[Any]:
    def plain(value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else value

    return [
        {"role": one.role} | {name: plain(value) for name, value in asdict(one.workspace).items()} for one in listing
    ]


def _read(content: Any) -> list[ListedWorkspace]:
    return [_read_one(row) for row in content]


def _read_one(row: dict[str, Any]) -> ListedWorkspace:
    role = Role(row.pop("role"))
    if set(row) != {field.name for field in fields(Workspace)}:
        raise ValueError("not the fields of a workspace")
    moments = {name: datetime.fromisoformat(row[name]) for name in ("created", "changed")}
    if row["deleted_at"] is not None:
        raise ValueError("a deleted workspace")
    return ListedWorkspace(Workspace(**row | moments | {"kind": WorkspaceKind(row["kind"])}), role)


WORKSPACES: Kind[list[ListedWorkspace]] = Kind("workspaces-1", FRESH_SECONDS, _write, _read)


class Listings:
    """The listings of a site's accounts."""

    def __init__(self, workspaces: Workspaces, permissions: Permissions, cache: Cache) -> None:
        self._workspaces = workspaces
        self._permissions = permissions
        self._cache = cache

    async def of_account(self, account: str) -> list[ListedWorkspace]:
        """Every workspace in which the account has a role, the one changed last first.

        :raises DatabaseUnavailable: it has to be asked, and does not answer.
        """
        return await self._cache.get_or(WORKSPACES, account, lambda: self._workspaces.of_account(account))

    async def changed(self, workspace: str, *accounts: str) -> None:
        """To be called after a workspace was made, renamed, deleted or shared, before that is answered.

        :param accounts: who lost their role in it.
        """
        members = [one.account for one in await self._permissions.of_workspace(workspace)]
        await self._cache.forget(WORKSPACES, *dict.fromkeys([*members, *accounts]))
