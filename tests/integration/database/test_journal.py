"""The journal: acknowledged edits are there, fenced ones never."""

from __future__ import annotations

import asyncio

import pytest

from sagews.database import Store
from sagews.database.accounts import Account
from sagews.database.documents import DocumentState
from sagews.database.journal import Entry
from sagews.database.workspaces import Workspace
from sagews.errors import Fenced
from tests.integration.database.conftest import SetClock


def edit(n: int, document: str = "d") -> Entry:
    return Entry(n, document, f"{document}.ipynb", bytes([n % 256, 0, 255]), "emmy")


@pytest.fixture
async def opened(store: Store, workspace: Workspace) -> str:
    """The id of a workspace in epoch 1."""
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    return workspace.id


async def numbers(store: Store, workspace: str) -> list[tuple[int, int]]:
    return [(row.epoch, row.n) for row in await store.journal.read(workspace)]


async def test_edits_come_back_as_written(store: Store, opened: str, clock: SetClock) -> None:
    entry = Entry(7, "d", "NUL\0.ipynb", b"\0update\xff" * 100_000, "emmy\0")
    await store.journal.append(opened, 1, [entry])
    (row,) = await store.journal.read(opened)
    assert (row.n, row.document, row.path, row.update, row.actor) == tuple(vars(entry).values())
    assert (row.epoch, row.at) == (1, clock.now)


async def test_edits_are_in_the_order_of_epoch_and_number(store: Store, opened: str) -> None:
    await store.journal.append(opened, 1, [edit(10), edit(9)])
    await store.journal.append(opened, 1, [edit(2**40)])
    await store.workspaces.open(opened, "worker-1", if_epoch=1)
    await store.journal.append(opened, 2, [edit(1)])
    assert await numbers(store, opened) == [(1, 9), (1, 10), (1, 2**40), (2, 1)]


async def test_edits_written_twice_are_there_once(store: Store, opened: str) -> None:
    await store.journal.append(opened, 1, [edit(1), edit(2)])
    await store.journal.append(opened, 1, [edit(2), edit(3)])
    assert await numbers(store, opened) == [(1, 1), (1, 2), (1, 3)]


async def test_several_backends_write_the_same_edits_at_once(store: Store, opened: str) -> None:
    batches = [[edit(n) for n in range(start, start + 20)] for start in range(0, 60, 4)]
    both_orders = [order for batch in batches for order in (batch, batch[::-1])]
    await asyncio.gather(*(store.journal.append(opened, 1, batch) for batch in both_orders))
    assert await numbers(store, opened) == [(1, n) for n in range(76)]


async def test_no_edits_are_no_work(store: Store) -> None:
    await store.journal.append("nothing", 1, [])


@pytest.mark.parametrize("epoch", [0, 2, -1])
async def test_edits_of_another_epoch_are_refused(store: Store, opened: str, epoch: int) -> None:
    with pytest.raises(Fenced):
        await store.journal.append(opened, epoch, [edit(1)])
    assert await numbers(store, opened) == []


async def test_edits_of_no_workspace_are_refused(store: Store) -> None:
    with pytest.raises(Fenced):
        await store.journal.append("nothing", 0, [edit(1)])


async def test_each_workspace_has_its_own(store: Store, account: Account, opened: str) -> None:
    other = await store.workspaces.create(account.id, "Other")
    await store.journal.append(opened, 1, [edit(1)])
    assert await numbers(store, other.id) == []


async def test_no_fenced_edit_gets_in_while_the_workspace_is_opened(store: Store, opened: str) -> None:
    """Whoever opens reads the journal right after: what was acknowledged is in it, and nothing comes later."""
    acknowledged: list[int] = []
    seen: list[int] = []

    async def write(n: int) -> None:
        try:
            await store.journal.append(opened, 1, [edit(n)])
        except Fenced:
            return
        acknowledged.append(n)

    async def reopen() -> None:
        await store.workspaces.open(opened, "worker-1", if_epoch=1)
        seen.extend(row.n for row in await store.journal.read(opened))

    async with asyncio.TaskGroup() as tasks:
        for n in range(40):
            tasks.create_task(write(n))
            if n == 10:
                tasks.create_task(reopen())
    assert sorted(acknowledged) == sorted(seen)
    assert await numbers(store, opened) == [(1, n) for n in sorted(seen)]


async def test_writing_opening_and_checkpoints_together_lose_nothing(store: Store, opened: str) -> None:
    """A worker that is replaced all the time: each epoch's edits are either in the journal or in a checkpoint."""
    acknowledged: set[tuple[int, int]] = set()

    async def write(epoch: int, n: int) -> None:
        try:
            await store.journal.append(opened, epoch, [edit(n)])
        except Fenced:
            return
        acknowledged.add((epoch, n))

    async with asyncio.TaskGroup() as tasks:
        for epoch in range(1, 9):
            for n in range(8):
                tasks.create_task(write(epoch, n))
            assert await store.workspaces.open(opened, "worker", if_epoch=epoch) == epoch + 1
            held = {(row.epoch, row.n) for row in await store.journal.read(opened)}
            if epoch % 3 == 0:
                await store.documents.checkpoint(opened, epoch + 1, 0, [DocumentState("d", "d.ipynb", b"state")])
                acknowledged -= held
    assert set(await numbers(store, opened)) == acknowledged


async def test_cancelled_writers_stop_nobody(store: Store, opened: str) -> None:
    tasks = [asyncio.create_task(store.journal.append(opened, 1, [edit(n)])) for n in range(30)]
    for n, task in enumerate(tasks):
        if n % 3:
            await asyncio.sleep(0)
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await store.journal.append(opened, 1, [edit(1000)])
    written = {n for _, n in await numbers(store, opened)}
    assert {n for n, result in enumerate(results) if result is None} | {1000} <= written
