"""Roles in workspaces."""

from __future__ import annotations

import pytest

from sagews.database import Store
from sagews.database.accounts import Account
from sagews.database.choices import Role
from sagews.database.workspaces import Workspace
from sagews.errors import Conflict, NotAllowed, NotFound


@pytest.fixture
async def other(store: Store, account: Account) -> Account:
    return await store.accounts.create("Other", account.account_type)


async def test_a_stranger_does_not_learn_that_it_exists(store: Store, workspace: Workspace, other: Account) -> None:
    assert await store.permissions.role(workspace.id, other.id) is None
    with pytest.raises(NotFound):
        await store.permissions.require(workspace.id, other.id, Role.READER)


async def test_roles_are_granted_changed_and_taken_away(store: Store, workspace: Workspace, other: Account) -> None:
    await store.permissions.grant(workspace.id, other.id, Role.READER)
    assert await store.permissions.require(workspace.id, other.id, Role.READER) is Role.READER
    with pytest.raises(NotAllowed):
        await store.permissions.require(workspace.id, other.id, Role.COLLABORATOR)
    await store.permissions.grant(workspace.id, other.id, Role.COLLABORATOR)
    await store.permissions.require(workspace.id, other.id, Role.COLLABORATOR)
    await store.permissions.revoke(workspace.id, other.id)
    await store.permissions.revoke(workspace.id, other.id)
    assert await store.permissions.role(workspace.id, other.id) is None


async def test_the_members_are_listed_by_name(store: Store, workspace: Workspace, other: Account) -> None:
    await store.permissions.grant(workspace.id, other.id, Role.READER)
    members = await store.permissions.of_workspace(workspace.id)
    assert [(member.name, member.role) for member in members] == [("Other", Role.READER), ("You", Role.OWNER)]


async def test_the_main_owner_stays(store: Store, workspace: Workspace, account: Account) -> None:
    with pytest.raises(Conflict):
        await store.permissions.revoke(workspace.id, account.id)
    with pytest.raises(Conflict):
        await store.permissions.grant(workspace.id, account.id, Role.READER)
    await store.permissions.grant(workspace.id, account.id, Role.OWNER)
    assert await store.permissions.role(workspace.id, account.id) is Role.OWNER


async def test_account_and_workspace_are_needed(store: Store, workspace: Workspace, other: Account) -> None:
    with pytest.raises(Conflict):
        await store.permissions.grant(workspace.id, "nobody", Role.READER)
    with pytest.raises(Conflict):
        await store.permissions.grant("nothing", other.id, Role.READER)
