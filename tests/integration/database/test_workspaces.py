"""Workspaces: whose they are, and who has them open."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sagews.database import Store
from sagews.database.accounts import Account
from sagews.database.choices import Role, WorkspaceKind
from sagews.database.journal import Entry
from sagews.database.workspaces import Workspace
from sagews.errors import Conflict, Fenced, NotFound, UsageError
from tests.integration.database.conftest import SetClock


async def test_a_workspace_comes_back_as_made(store: Store, account: Account) -> None:
    made = await store.workspaces.create(account.id, " Théorie des nombres ", WorkspaceKind.SCRATCH)
    assert made.name == "Théorie des nombres"
    assert (made.epoch, made.worker, made.deleted_at) == (0, None, None)
    assert await store.workspaces.get(made.id) == made
    assert await store.permissions.role(made.id, account.id) is Role.OWNER


async def test_an_owner_has_one_workspace_of_a_name(store: Store, account: Account, workspace: Workspace) -> None:
    with pytest.raises(Conflict, match="already"):
        await store.workspaces.create(account.id, workspace.name)
    other = await store.accounts.create("Other", account.account_type)
    await store.workspaces.create(other.id, workspace.name)


async def test_of_many_at_once_one_gets_the_name(store: Store, account: Account) -> None:
    tries = (store.workspaces.create(account.id, "Knots") for _ in range(6))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 5 + ["Workspace"]
    assert await store.workspaces.count(account.id) == 1


async def test_names_are_bounded(store: Store, account: Account, workspace: Workspace) -> None:
    with pytest.raises(UsageError):
        await store.workspaces.create(account.id, "\n")
    with pytest.raises(UsageError):
        await store.workspaces.rename(workspace.id, "x" * 201)
    await store.workspaces.rename(workspace.id, "\U0001d54f" * 200)


async def test_an_owner_is_needed(store: Store) -> None:
    with pytest.raises(Conflict, match="does not exist"):
        await store.workspaces.create("nobody", "Knots")


async def test_renaming(store: Store, account: Account, workspace: Workspace, clock: SetClock) -> None:
    clock.advance(hours=1)
    renamed = await store.workspaces.rename(workspace.id, "Knots")
    assert renamed == replace(workspace, name="Knots", changed=clock.now)
    assert await store.workspaces.rename(workspace.id, "Knots") == renamed
    other = await store.workspaces.create(account.id, "Graphs")
    with pytest.raises(Conflict):
        await store.workspaces.rename(other.id, "Knots")
    with pytest.raises(NotFound):
        await store.workspaces.rename("nothing", "Knots")


async def test_listing_has_roles_and_the_last_changed_first(store: Store, account: Account, clock: SetClock) -> None:
    other = await store.accounts.create("Other", account.account_type)
    mine = await store.workspaces.create(account.id, "Mine")
    clock.advance(seconds=1)
    shared = await store.workspaces.create(other.id, "Shared")
    await store.workspaces.create(other.id, "Private")
    await store.permissions.grant(shared.id, account.id, Role.READER)
    listed = await store.workspaces.of_account(account.id)
    assert [(one.workspace, one.role) for one in listed] == [(shared, Role.READER), (mine, Role.OWNER)]
    clock.advance(seconds=1)
    await store.workspaces.touch(mine.id)
    assert [one.workspace.name for one in await store.workspaces.of_account(account.id)] == ["Mine", "Shared"]


async def test_a_deleted_workspace_is_out_of_sight(store: Store, account: Account, workspace: Workspace) -> None:
    await store.workspaces.delete(workspace.id)
    with pytest.raises(NotFound):
        await store.workspaces.get(workspace.id)
    with pytest.raises(NotFound):
        await store.workspaces.delete(workspace.id)
    with pytest.raises(NotFound):
        await store.workspaces.open(workspace.id, "worker-0", if_epoch=1)
    assert await store.workspaces.of_account(account.id) == []
    assert await store.workspaces.count(account.id) == 0
    assert await store.permissions.role(workspace.id, account.id) is None


async def test_deleting_fences_the_worker(store: Store, workspace: Workspace) -> None:
    epoch = await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    await store.workspaces.delete(workspace.id)
    with pytest.raises(Fenced):
        await store.journal.append(workspace.id, epoch, [Entry(1, "d", "a.ipynb", b"u", "emmy")])
    assert await store.workspaces.open_on("worker-0") == []


async def test_a_deleted_workspace_comes_back(store: Store, account: Account, workspace: Workspace) -> None:
    await store.workspaces.delete(workspace.id)
    usurper = await store.workspaces.create(account.id, workspace.name)
    with pytest.raises(Conflict):
        await store.workspaces.restore(workspace.id)
    await store.workspaces.rename(usurper.id, "Usurper")
    await store.workspaces.restore(workspace.id)
    await store.workspaces.restore(workspace.id)
    assert (await store.workspaces.get(workspace.id)).name == workspace.name
    with pytest.raises(NotFound):
        await store.workspaces.restore("nothing")


async def test_purging_takes_all_that_belongs_to_it(store: Store, workspace: Workspace) -> None:
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    await store.journal.append(workspace.id, 1, [Entry(1, "d", "a.ipynb", b"u", "emmy")])
    await store.workspaces.purge(workspace.id)
    await store.workspaces.purge(workspace.id)
    assert await store.journal.read(workspace.id) == []
    with pytest.raises(NotFound):
        await store.workspaces.restore(workspace.id)


async def test_opening_begins_an_epoch(store: Store, workspace: Workspace) -> None:
    assert await store.workspaces.open(workspace.id, "worker-0", if_epoch=0) == 1
    opened = await store.workspaces.get(workspace.id)
    assert (opened.epoch, opened.worker) == (1, "worker-0")
    assert await store.workspaces.open_on("worker-0") == [opened]
    assert await store.workspaces.open(workspace.id, "worker-1", if_epoch=1) == 2


@pytest.mark.parametrize("if_epoch", [0, 2, -1])
async def test_opening_from_another_epoch_is_fenced(store: Store, workspace: Workspace, if_epoch: int) -> None:
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    with pytest.raises(Fenced):
        await store.workspaces.open(workspace.id, "worker-1", if_epoch=if_epoch)
    assert (await store.workspaces.get(workspace.id)).worker == "worker-0"


async def test_of_many_that_open_at_once_one_succeeds(store: Store, workspace: Workspace) -> None:
    tries = (store.workspaces.open(workspace.id, f"worker-{number}", if_epoch=0) for number in range(10))
    results = await asyncio.gather(*tries, return_exceptions=True)
    winners = [number for number, result in enumerate(results) if result == 1]
    assert len(winners) == 1
    assert sum(isinstance(result, Fenced) for result in results) == 9
    assert (await store.workspaces.get(workspace.id)).worker == f"worker-{winners[0]}"


async def test_closing_is_for_the_worker_that_has_it(store: Store, workspace: Workspace) -> None:
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    await store.workspaces.open(workspace.id, "worker-1", if_epoch=1)
    with pytest.raises(Fenced):
        await store.workspaces.close(workspace.id, 1)
    await store.workspaces.close(workspace.id, 2)
    closed = await store.workspaces.get(workspace.id)
    assert (closed.epoch, closed.worker) == (2, None)


async def test_openings_are_counted_and_looked_up(store: Store, account: Account, workspace: Workspace) -> None:
    other = await store.workspaces.create(account.id, "Topology")
    for one in (workspace, other):
        await store.workspaces.open(one.id, "worker:0", if_epoch=0)
    assert await store.workspaces.count_by_worker() == {"worker:0": 2}
    assert await store.workspaces.epochs([workspace.id, other.id, "nothing"]) == {workspace.id: 1, other.id: 1}
    await store.workspaces.close(other.id, 1)
    await store.workspaces.delete(workspace.id)
    assert await store.workspaces.count_by_worker() == {}
    assert await store.workspaces.epochs([workspace.id, other.id]) == {other.id: 1}
    assert await store.workspaces.epochs([]) == {}
