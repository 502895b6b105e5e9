"""The queue of a session, the memory of clients, capacity."""

from __future__ import annotations

import asyncio

import pytest

from sagews.errors import OverLimit
from sagews.messages.workspace import Acknowledged
from sagews.worker.capacity import Capacity
from sagews.worker.client_log import ClientLog
from sagews.worker.run import Run
from sagews.worker.run_queue import RunQueue

COMMANDS = {"a": object(), "b": object()}


def queue_of(*names: str) -> RunQueue:
    queue = RunQueue(10)
    for name in names:
        queue.add(Run(name, "s", command=COMMANDS[name[0]]))
    return queue


def test_one_at_a_time_in_order() -> None:
    queue = queue_of("a1", "b1")
    first = queue.take_next()
    assert first is not None
    assert queue.take_next() is None
    queue.finish()
    second = queue.take_next()
    assert second is not None
    assert (first.id, second.id) == ("a1", "b1")


def test_cancelling_leaves_the_running_one() -> None:
    queue = queue_of("a1", "a2", "b1")
    queue.take_next()
    assert [run.id for run in queue.cancel_command(COMMANDS["a"])] == ["a2"]
    assert [run.id for run in queue] == ["a1", "b1"]
    assert [run.id for run in queue.cancel()] == ["b1"]


def test_a_full_queue_refuses() -> None:
    queue = queue_of("a", "b")
    queue.check_room(8)
    with pytest.raises(OverLimit):
        queue.check_room(9)


def test_clients_are_remembered_within_bounds() -> None:
    log = ClientLog(2, 3)
    for k in range(1, 6):
        log.take("a", k, Acknowledged(document=str(k)), k)
    assert (log.taken("a"), log.answered("a", 2), log.answered("a", 5)) == (5, None, (Acknowledged("5"), 5))
    log.take("b", 1, Acknowledged())
    log.take("c", 1, Acknowledged())
    assert (log.taken("a"), log.taken("b"), log.taken("c")) == (0, 1, 1)


async def test_places_are_given_in_order_and_told() -> None:
    capacity = Capacity(1, 2)
    told: list[tuple[str, int]] = []
    order: list[str] = []
    leave = asyncio.Event()

    async def use(name: str) -> None:
        async with capacity.place(lambda place: told.append((name, place))):
            order.append(name)
            await leave.wait()

    tasks = [asyncio.create_task(use(name)) for name in "abc"]
    await asyncio.sleep(0)
    with pytest.raises(OverLimit):
        capacity.check_room()
    leave.set()
    await asyncio.gather(*tasks)
    assert (order, told) == (["a", "b", "c"], [("b", 1), ("c", 2), ("c", 1)])


async def test_one_that_gives_up_waiting_leaves_its_place() -> None:
    capacity = Capacity(1, 1)

    async def use() -> None:
        async with capacity.place(lambda place: None):
            pass

    async with capacity.place(lambda place: None):
        waiting = asyncio.create_task(use())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        capacity.check_room()
    await use()
