"""Workers and backends, and when they were last heard of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sagews.database import Store
from sagews.database.choices import WorkerState
from sagews.database.workers import Sighting, Worker
from sagews.errors import NotFound
from tests.integration.database.conftest import SetClock

MINUTE = timedelta(minutes=1)


def seen(worker: str = "worker:0", **changes: Any) -> Sighting:
    """What a backend sees."""
    return replace(Sighting(worker, "127.0.0.1:4000", capacity=100, load=0.0, version="1"), **changes)


async def test_a_worker_that_is_seen_first_is_ready(store: Store, clock: SetClock) -> None:
    await store.workers.note([seen()])
    worker = await store.workers.get("worker:0")
    assert worker == Worker("worker:0", "127.0.0.1:4000", WorkerState.READY, 100, 0.0, "1", clock.now)
    assert await store.workers.all() == [worker]
    await store.workers.note([])


async def test_what_is_new_of_it_is_noted_at_once(store: Store, clock: SetClock) -> None:
    await store.workers.note([seen()])
    clock.advance(seconds=1)
    await store.workers.note([seen(address="127.0.0.1:5000", capacity=50, load=0.5, version="2")])
    worker = await store.workers.get("worker:0")
    assert (worker.address, worker.capacity, worker.load, worker.version) == ("127.0.0.1:5000", 50, 0.5, "2")
    assert worker.heartbeat == clock.now


async def test_of_several_who_see_the_same_one_writes(store: Store, clock: SetClock) -> None:
    await store.workers.note([seen()])
    noted = clock.now
    clock.advance(seconds=5)
    await store.workers.note([seen()])
    assert (await store.workers.get("worker:0")).heartbeat == noted
    clock.advance(seconds=5)
    await store.workers.note([seen(), seen("worker:1")])
    assert {worker.heartbeat for worker in await store.workers.all()} == {clock.now}


async def test_a_drained_worker_stays_drained_whoever_sees_it(store: Store) -> None:
    await store.workers.note([seen(), seen("worker:1")])
    await store.workers.set_state("worker:0", WorkerState.DRAINING)
    await store.workers.set_state("worker:1", WorkerState.STOPPED)
    await store.workers.note([seen(load=0.25), seen("worker:1")])
    assert (await store.workers.get("worker:0")).state is WorkerState.DRAINING
    assert (await store.workers.get("worker:1")).state is WorkerState.READY
    with pytest.raises(NotFound):
        await store.workers.set_state("worker:2", WorkerState.READY)


async def test_silent_workers_are_not_listed(store: Store, clock: SetClock) -> None:
    await store.workers.note([seen("silent")])
    clock.advance(minutes=2)
    await store.workers.note([seen("busy", load=0.9), seen("idle")])
    assert [worker.id for worker in await store.workers.all(MINUTE)] == ["idle", "busy"]
    assert len(await store.workers.all()) == 3


async def test_a_forgotten_worker_is_gone(store: Store) -> None:
    await store.workers.note([seen()])
    await store.workers.forget("worker:0")
    await store.workers.forget("worker:0")
    with pytest.raises(NotFound):
        await store.workers.get("worker:0")


async def test_backends_tell_where_they_are(store: Store, clock: SetClock) -> None:
    await store.backends.heartbeat("backend-0", "10.0.0.1:443", version="1")
    await store.backends.heartbeat("backend-1", "10.0.0.2:443", version="1")
    clock.advance(minutes=2)
    moved = await store.backends.heartbeat("backend-1", "10.0.0.3:443", version="2")
    assert await store.backends.all(MINUTE) == [moved]
    assert [backend.id for backend in await store.backends.all()] == ["backend-0", "backend-1"]
    await store.backends.forget("backend-1")
    assert await store.backends.all(MINUTE) == []
