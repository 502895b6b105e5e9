"""Fencing, step by step: each interleaving of two transactions that could let an old worker's edit in.

Every test has two programs, the one that holds a transaction open and the one that has to wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database import Store, create_engine, tables
from sagews.database.documents import DocumentState
from sagews.database.epochs import hold_epoch
from sagews.database.journal import Entry
from sagews.database.transactions import Transactions
from sagews.database.workspaces import Workspace
from sagews.errors import Fenced

EDIT = Entry(1, "d", "d.ipynb", b"update", "emmy")
TURN_SECONDS = 0.2
"""Time in which a program that does not wait for the other one would be done, in all likelihood."""


@pytest.fixture
async def opened(store: Store, workspace: Workspace) -> str:
    """The id of a workspace in epoch 1."""
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    return workspace.id


@pytest.fixture
async def other(url: str) -> AsyncIterator[Transactions]:
    """What another program on the same database works with."""
    engine = create_engine(url)
    yield Transactions(engine)
    await engine.dispose()


async def is_waiting(task: asyncio.Task[object]) -> bool:
    _, pending = await asyncio.wait({task}, timeout=TURN_SECONDS)
    return bool(pending)


async def test_an_edit_waits_for_an_opening_and_is_fenced(store: Store, opened: str, other: Transactions) -> None:
    async with other.write() as opening:
        await opening.execute(update(tables.workspaces).values(epoch=2, worker="worker-1"))
        writing = asyncio.create_task(store.journal.append(opened, 1, [EDIT]))
        assert await is_waiting(writing)
    with pytest.raises(Fenced):
        await writing
    assert await store.journal.read(opened) == []


async def test_a_checkpoint_waits_for_an_opening_and_is_fenced(store: Store, opened: str, other: Transactions) -> None:
    await store.journal.append(opened, 1, [EDIT])
    async with other.write() as opening:
        await opening.execute(update(tables.workspaces).values(epoch=2, worker="worker-1"))
        states = [DocumentState("d", "d.ipynb", b"old")]
        writing = asyncio.create_task(store.documents.checkpoint(opened, 1, 1, states))
        assert await is_waiting(writing)
    with pytest.raises(Fenced):
        await writing
    assert await store.documents.read(opened) == []
    assert len(await store.journal.read(opened)) == 1


async def test_an_opening_waits_for_an_edit_and_sees_it(store: Store, opened: str, other: Transactions) -> None:
    async with other.write() as writing:
        await hold_epoch(writing, opened, 1)
        opening = asyncio.create_task(store.workspaces.open(opened, "worker-1", if_epoch=1))
        assert await is_waiting(opening)
        row = {"workspace": opened, "epoch": 1, "at": (await store.workspaces.get(opened)).created}
        await writing.execute(insert(tables.journal).values(**vars(EDIT), **row))
    assert await opening == 2
    assert [row.n for row in await store.journal.read(opened)] == [1]


async def test_an_opening_that_failed_fences_nobody(store: Store, opened: str, other: Transactions) -> None:
    async with other.write() as opening:
        await opening.execute(update(tables.workspaces).values(epoch=2, worker="worker-1"))
        writing = asyncio.create_task(store.journal.append(opened, 1, [EDIT]))
        assert await is_waiting(writing)
        await opening.rollback()
    await writing
    assert [row.n for row in await store.journal.read(opened)] == [1]


async def test_loading_in_the_middle_of_a_checkpoint_finds_the_edit(
    store: Store, engine: AsyncEngine, opened: str, other: Transactions
) -> None:
    """SQLite reads one snapshot; on PostgreSQL it is the order of the reads that counts."""
    await store.journal.append(opened, 1, [EDIT])
    async with other.write() as checkpoint:
        if engine.dialect.name == "postgresql":
            await checkpoint.execute(text("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE"))
        loading = asyncio.create_task(store.documents.load(opened))
        assert await is_waiting(loading) == (engine.dialect.name == "postgresql")
        state = vars(DocumentState("d", "d.ipynb", b"state"))
        await checkpoint.execute(insert(tables.documents).values(workspace=opened, epoch=1, n=1, **state))
        await checkpoint.execute(delete(tables.journal))
    loaded = await loading
    assert len(loaded.documents) + len(loaded.journal) >= 1
