"""Workspaces that were deleted and are still in the database: the operator sees them, and can bring one back."""

from __future__ import annotations

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.database.workspaces import DeletedWorkspace
from sagews.errors import Conflict, NotFound

deleted_workspaces = Operations("administration")

MOST = 1000


class DeletedAnswer(Schema):
    """A deleted workspace; `owner` has it when it is restored."""

    id: str
    name: str
    owner: str
    owner_name: str
    deleted: str

    @classmethod
    def of(cls, workspace: DeletedWorkspace) -> DeletedAnswer:
        """The answer about a stored workspace."""
        return cls(
            id=workspace.id,
            name=workspace.name,
            owner=workspace.owner,
            owner_name=workspace.owner_name,
            deleted=workspace.deleted_at.isoformat(),
        )


class DeletedList(Schema):
    """The one deleted last first."""

    workspaces: list[DeletedAnswer]


@deleted_workspaces.declare("GET", "/api/admin/deleted-workspaces", answer=DeletedList)
async def list_deleted(call: Call) -> DeletedList:
    """List the deleted workspaces that can be restored (operator); at most 1000."""
    call.require_operator()
    found = await call.backend.store.workspaces.deleted(MOST)
    return DeletedList(workspaces=[DeletedAnswer.of(one) for one in found])


@deleted_workspaces.declare(
    "POST", "/api/admin/deleted-workspaces/{workspace}/restore", status=204, refuses=(NotFound, Conflict)
)
async def restore_deleted(call: Call) -> None:
    """Bring a deleted workspace back, with everything that was acknowledged and everybody's role (operator).

    Repeatable.
    """
    call.require_operator()
    store, workspace = call.backend.store, call.path["workspace"]
    await store.workspaces.restore(workspace)
    await store.listings.changed(workspace)
    await store.activity.note("workspace_restored", account=call.who.account.id, workspace=workspace)
