"""Workspaces that are deleted for good: nothing is left of them but the note that they are gone."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from sagews.database import Store
from sagews.database.accounts import Account
from sagews.database.bundles import NewBundle, StoredBundle
from sagews.database.choices import WorkspaceKind
from sagews.database.documents import DocumentState
from sagews.database.journal import Entry
from sagews.database.notices import Notice, Topic
from sagews.database.workspaces import Workspace
from sagews.errors import NotFound
from tests.integration.database.conftest import SetClock
from tests.integration.database.test_notices import listening
from tests.waiting import eventually

WEEK = timedelta(days=7)


async def filled(store: Store, workspace: Workspace, versions: int = 1) -> None:
    """Give it a bundle, a document and a journal."""
    epoch = await store.workspaces.open(workspace.id, "worker:0", if_epoch=workspace.epoch)
    facts = StoredBundle(versions, "", "h" * 40, 3, "s")
    state = DocumentState("d", "a.ipynb", b"state")
    await store.documents.checkpoint(workspace.id, epoch, 1, [state], NewBundle(facts, io.BytesIO(b"abc")))
    await store.journal.append(workspace.id, epoch, [Entry(2, "d", "a.ipynb", b"u", "emmy")])


async def test_a_deleted_workspace_goes_for_good_after_a_while(
    store: Store, account: Account, workspace: Workspace, clock: SetClock
) -> None:
    await filled(store, workspace)
    kept = await store.workspaces.create(account.id, "Kept")
    await store.workspaces.delete(workspace.id)
    clock.advance(days=6)
    late = await store.workspaces.create(account.id, "Late")
    await store.workspaces.delete(late.id)
    assert await store.workspaces.purge_deleted(WEEK) == 0
    clock.advance(days=1)
    assert await store.workspaces.purge_deleted(WEEK) == 1
    assert await store.workspaces.purge_deleted(WEEK) == 0
    assert await store.bundles.chain(workspace.id) == []
    assert await store.documents.read(workspace.id) == []
    assert await store.journal.read(workspace.id) == []
    with pytest.raises(NotFound):
        await store.workspaces.restore(workspace.id)
    await store.workspaces.restore(late.id)
    everything = [workspace.id, kept.id, late.id, "never there"]
    assert await store.gone_workspaces.of(everything) == {workspace.id}
    assert await store.bundles.newest(everything) == {kept.id: 0, late.id: 0}


async def test_it_is_told_and_noted_that_a_workspace_is_gone(store: Store, account: Account, clock: SetClock) -> None:
    other = await store.accounts.create("Emmy", account.account_type)
    owned = [await store.workspaces.create(other.id, name) for name in ("One", "Two", "Deleted")]
    purged = await store.workspaces.create(account.id, "Purged")
    await store.workspaces.delete(owned[2].id)
    async with listening(store) as hearer:
        await store.workspaces.purge(purged.id)
        await store.workspaces.purge("never there")
        await store.ownership.delete_account(other.id, {})
        told = {Notice(Topic.GONE, one.id) for one in (purged, *owned)}
        await eventually(lambda: told <= set(hearer.heard))
        assert len([one for one in hearer.heard if one.topic is Topic.GONE]) == len(told)
    ids = [one.id for one in (purged, *owned)]
    assert await store.gone_workspaces.of([*ids, "never there"]) == set(ids)
    assert await store.gone_workspaces.forget_old(WEEK) == 0
    clock.advance(days=8)
    assert await store.gone_workspaces.forget_old(WEEK) == len(ids)
    assert await store.gone_workspaces.of(ids) == set()


async def test_the_number_of_stored_versions_is_known_also_of_deleted_workspaces(
    store: Store, workspace: Workspace
) -> None:
    await filled(store, workspace, versions=5)
    await store.workspaces.delete(workspace.id)
    assert await store.bundles.newest([workspace.id]) == {workspace.id: 5}


async def test_what_can_be_restored_is_listed(
    store: Store, account: Account, workspace: Workspace, clock: SetClock
) -> None:
    scratch = await store.workspaces.create(account.id, "Scratch", WorkspaceKind.SCRATCH)
    later = await store.workspaces.create(account.id, "Later")
    assert await store.workspaces.deleted(10) == []
    for one in (workspace, scratch, later):
        await store.workspaces.delete(one.id)
        clock.advance(hours=1)
    listed = await store.workspaces.deleted(10)
    assert [(one.id, one.name, one.owner_name) for one in listed] == [
        (later.id, "Later", account.name),
        (workspace.id, workspace.name, account.name),
    ]
    assert await store.workspaces.deleted(1) == listed[:1]
    await store.workspaces.restore(later.id)
    assert await store.workspaces.deleted(10) == listed[1:]
