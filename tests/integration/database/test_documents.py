"""Checkpoints: states and journal always hold every edit together."""

from __future__ import annotations

import asyncio

import pytest

from sagews.database import Store
from sagews.database.documents import DocumentState, StoredDocument
from sagews.database.journal import Entry
from sagews.database.workspaces import Workspace
from sagews.errors import Fenced, NotFound

A = DocumentState("a", "a.ipynb", b"state a\0\xff", "sha256:1")
B = DocumentState("b", "b.ipynb", b"state b")


@pytest.fixture
async def opened(store: Store, workspace: Workspace) -> str:
    """The id of a workspace in epoch 1, with edits 1 to 4 of document a and 5 of b."""
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    entries = [Entry(n, "a", "a.ipynb", b"%d" % n, "emmy") for n in range(1, 5)]
    await store.journal.append(workspace.id, 1, [*entries, Entry(5, "b", "b.ipynb", b"5", "emmy")])
    return workspace.id


async def numbers(store: Store, workspace: str) -> list[tuple[int, int]]:
    return [(row.epoch, row.n) for row in await store.journal.read(workspace)]


async def test_a_checkpoint_takes_the_place_of_what_it_contains(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 3, [A])
    assert await store.documents.read(opened) == [StoredDocument("a", "a.ipynb", A.state, "sha256:1", epoch=1, n=3)]
    assert await numbers(store, opened) == [(1, 4), (1, 5)]


async def test_edits_of_documents_not_in_it_stay(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 9, [A])
    assert await numbers(store, opened) == [(1, 5)]
    await store.documents.checkpoint(opened, 1, 9, [B, A])
    assert await numbers(store, opened) == []


async def test_edits_of_earlier_epochs_are_contained(store: Store, opened: str) -> None:
    await store.workspaces.open(opened, "worker-1", if_epoch=1)
    await store.journal.append(opened, 2, [Entry(n, "a", "a.ipynb", b"", "emmy") for n in (1, 2)])
    await store.documents.checkpoint(opened, 2, 1, [A])
    assert await numbers(store, opened) == [(1, 5), (2, 2)]


async def test_an_older_checkpoint_changes_nothing(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 4, [A])
    stored = await store.documents.load(opened)
    await store.documents.checkpoint(opened, 1, 3, [DocumentState("a", "old.ipynb", b"old")])
    assert await store.documents.load(opened) == stored


async def test_an_old_number_of_a_new_epoch_is_newer(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 4, [A])
    await store.workspaces.open(opened, "worker-1", if_epoch=1)
    await store.documents.checkpoint(opened, 2, 0, [DocumentState("a", "a.ipynb", b"new", None)])
    assert await store.documents.read(opened) == [StoredDocument("a", "a.ipynb", b"new", None, epoch=2, n=0)]


async def test_a_fenced_checkpoint_writes_nothing(store: Store, opened: str) -> None:
    await store.workspaces.open(opened, "worker-1", if_epoch=1)
    before = await store.documents.load(opened)
    for epoch in (1, 3):
        with pytest.raises(Fenced):
            await store.documents.checkpoint(opened, epoch, 9, [A])
    assert await store.documents.load(opened) == before


async def test_an_empty_checkpoint_keeps_the_journal(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 9, [])
    assert len(await numbers(store, opened)) == 5


async def test_paths_can_be_exchanged(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 5, [A, B])
    exchanged = [DocumentState("a", B.path, A.state), DocumentState("b", A.path, B.state)]
    await store.documents.checkpoint(opened, 1, 6, exchanged)
    assert [(one.path, one.id) for one in await store.documents.read(opened)] == [("a.ipynb", "b"), ("b.ipynb", "a")]


async def test_of_many_checkpoints_at_once_the_newest_stays(store: Store, opened: str) -> None:
    states = {n: [DocumentState(name, "x", b"%d" % n) for name in ("ab" if n % 2 else "ba")] for n in range(5, 17)}
    await asyncio.gather(*(store.documents.checkpoint(opened, 1, n, state) for n, state in states.items()))
    assert [(one.n, one.state) for one in await store.documents.read(opened)] == [(16, b"16"), (16, b"16")]


async def test_loading_during_checkpoints_misses_no_edit(store: Store, opened: str) -> None:
    """The state of document c names its last edit: with the journal it must always reach what was acknowledged."""

    async def write() -> None:
        for n in range(10, 40):
            await store.journal.append(opened, 1, [Entry(n, "c", "c.ipynb", b"", "emmy")])
            last[0] = n
            await store.documents.checkpoint(opened, 1, n - 1, [DocumentState("c", "c.ipynb", b"")])

    async def load() -> None:
        while not writer.done():
            acknowledged = last[0]
            stored = await store.documents.load(opened)
            held = [document.n for document in stored.documents] + [row.n for row in stored.journal]
            assert max(held, default=0) >= acknowledged

    last = [0]
    writer = asyncio.create_task(write())
    await asyncio.gather(load(), load())
    await writer
    assert last == [39]


async def test_renaming_changes_state_and_journal(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 2, [A])
    await store.documents.rename(opened, 1, "a", "new.ipynb")
    stored = await store.documents.load(opened)
    assert [document.path for document in stored.documents] == ["new.ipynb"]
    assert [row.path for row in stored.journal] == ["new.ipynb", "new.ipynb", "b.ipynb"]


async def test_a_deleted_document_is_gone_from_state_and_journal(store: Store, opened: str) -> None:
    await store.documents.checkpoint(opened, 1, 2, [A])
    await store.documents.delete(opened, 1, "a")
    stored = await store.documents.load(opened)
    assert (stored.documents, [row.document for row in stored.journal]) == ([], ["b"])


async def test_renaming_and_deleting_are_fenced(store: Store, opened: str) -> None:
    with pytest.raises(Fenced):
        await store.documents.rename(opened, 2, "a", "new.ipynb")
    with pytest.raises(Fenced):
        await store.documents.delete(opened, 0, "a")
    with pytest.raises(NotFound):
        await store.documents.delete(opened, 1, "nothing")
    assert len(await numbers(store, opened)) == 5
