"""Workspaces: list, make, rename, delete, and who may do what in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.database.choices import Role, WorkspaceKind
from sagews.database.workspaces import Workspace
from sagews.errors import Conflict, NotFound, OverLimit

workspaces = Operations("workspaces")

Name = Annotated[str, Field(min_length=1, max_length=200)]
RoleName = Literal["owner", "collaborator", "reader"]


class WorkspaceAnswer(Schema):
    """A workspace and what the caller may do in it."""

    id: str
    name: str
    kind: Literal["normal", "scratch"]
    owner: str
    created: str
    changed: str
    role: RoleName

    @classmethod
    def of(cls, workspace: Workspace, role: Role) -> WorkspaceAnswer:
        """The answer about a stored workspace."""
        return cls(
            id=workspace.id,
            name=workspace.name,
            kind=workspace.kind.value,
            owner=workspace.owner,
            created=workspace.created.isoformat(),
            changed=workspace.changed.isoformat(),
            role=role.value,
        )


class WorkspaceList(Schema):
    """The one changed last first."""

    workspaces: list[WorkspaceAnswer]


class NewWorkspace(Schema):
    """A `scratch` workspace is thrown away when it is closed."""

    name: Name
    kind: Literal["normal", "scratch"] = "normal"


class WorkspaceChange(Schema):
    """Its new name."""

    name: Name


class PermissionAnswer(Schema):
    """An account and its role."""

    account: str
    name: str
    role: RoleName


class PermissionList(Schema):
    """By name."""

    permissions: list[PermissionAnswer]


class NewPermission(Schema):
    """The role that an account gets; null takes the one that it has away."""

    account: Annotated[str, Field(min_length=1, max_length=200)]
    role: RoleName | None


@workspaces.declare("GET", "/api/workspaces", answer=WorkspaceList)
async def list_workspaces(call: Call) -> WorkspaceList:
    """List the workspaces in which the caller has a role."""
    found = await call.backend.store.listings.of_account(call.who.account.id)
    return WorkspaceList(workspaces=[WorkspaceAnswer.of(one.workspace, one.role) for one in found])


@workspaces.declare(
    "POST", "/api/workspaces", body=NewWorkspace, answer=WorkspaceAnswer, status=201, refuses=(Conflict,)
)
async def make_workspace(call: Call) -> WorkspaceAnswer:
    """Make a workspace."""
    given = call.body(NewWorkspace)
    return WorkspaceAnswer.of(await make_owned(call, given.name, WorkspaceKind(given.kind)), Role.OWNER)


async def make_owned(call: Call, name: str, kind: WorkspaceKind = WorkspaceKind.NORMAL) -> Workspace:
    """A new workspace of the caller's.

    :raises OverLimit: the account has as many as it may.
    :raises Conflict: it has one of that name; UsageError: the name is blank or too long.
    """
    account, store = call.who.account.id, call.backend.store
    limit = (await store.account_types.of_account(account)).workspaces
    if limit and await store.workspaces.count(account) >= limit:
        raise OverLimit(f"The account has {limit} workspaces, as many as it may.", mend="Delete one first.")
    workspace = await store.workspaces.create(account, name, kind)
    await store.listings.changed(workspace.id)
    return workspace


@workspaces.declare("GET", "/api/workspaces/{workspace}", answer=WorkspaceAnswer, refuses=(NotFound,))
async def show_workspace(call: Call) -> WorkspaceAnswer:
    """Tell about one workspace."""
    store, account = call.backend.store, call.who.account.id
    role = await store.permissions.require(call.path["workspace"], account, Role.READER)
    return WorkspaceAnswer.of(await store.workspaces.get(call.path["workspace"]), role)


@workspaces.declare(
    "PATCH", "/api/workspaces/{workspace}", body=WorkspaceChange, answer=WorkspaceAnswer, refuses=(NotFound, Conflict)
)
async def rename_workspace(call: Call) -> WorkspaceAnswer:
    """Give a workspace another name (owner)."""
    workspace = await call.workspace(Role.OWNER)
    renamed = await call.backend.store.workspaces.rename(workspace, call.body(WorkspaceChange).name)
    await call.backend.store.listings.changed(workspace)
    return WorkspaceAnswer.of(renamed, Role.OWNER)


@workspaces.declare("DELETE", "/api/workspaces/{workspace}", status=204, refuses=(NotFound,))
async def delete_workspace(call: Call) -> None:
    """Delete a workspace (owner); its sessions end. After the site's grace, nothing of it is left anywhere."""
    workspace = await call.workspace(Role.OWNER)
    await call.backend.store.workspaces.delete(workspace)
    await call.backend.store.listings.changed(workspace)
    await call.backend.workers.forget(workspace)
    if not call.backend.configuration.backend.keep_deleted_days:
        await call.backend.store.workspaces.purge(workspace)


@workspaces.declare("GET", "/api/workspaces/{workspace}/permissions", answer=PermissionList, refuses=(NotFound,))
async def list_permissions(call: Call) -> PermissionList:
    """Tell who may do what in a workspace."""
    found = await call.backend.store.permissions.of_workspace(await call.workspace(Role.READER))
    return PermissionList(
        permissions=[PermissionAnswer(account=one.account, name=one.name, role=one.role.value) for one in found]
    )


@workspaces.declare(
    "PATCH",
    "/api/workspaces/{workspace}/permissions",
    body=NewPermission,
    answer=PermissionList,
    refuses=(NotFound, Conflict),
)
async def change_permission(call: Call) -> PermissionList:
    """Give an account a role in a workspace, or take it away (owner). It takes effect within a second."""
    workspace = await call.workspace(Role.OWNER)
    given, permissions = call.body(NewPermission), call.backend.store.permissions
    if given.role is None:
        await permissions.revoke(workspace, given.account)
    else:
        await permissions.grant(workspace, given.account, Role(given.role))
    await call.backend.store.listings.changed(workspace, given.account)
    return await list_permissions(call)
