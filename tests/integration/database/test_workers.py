"""Workers and backends, and when they were last heard of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sagews.database import Store
from sagews.database.choices import WorkerState
from sagews.errors import NotFound
from tests.integration.database.conftest import SetClock

MINUTE = timedelta(minutes=1)


async def test_a_registered_worker_is_ready(store: Store) -> None:
    made = await store.workers.register("worker-0", "127.0.0.1:4000", capacity=100, version="1")
    assert made.state is WorkerState.READY
    assert await store.workers.get("worker-0") == made
    assert await store.workers.all() == [made]


async def test_registering_again_replaces(store: Store, clock: SetClock) -> None:
    await store.workers.register("worker-0", "127.0.0.1:4000", capacity=100, version="1")
    await store.workers.heartbeat("worker-0", state=WorkerState.STOPPED, load=0.5)
    clock.advance(seconds=5)
    again = await store.workers.register("worker-0", "127.0.0.1:5000", capacity=50, version="2")
    assert await store.workers.all() == [again]
    assert (again.state, again.load, again.heartbeat) == (WorkerState.READY, 0, clock.now)


async def test_a_heartbeat_tells_state_and_load(store: Store, clock: SetClock) -> None:
    made = await store.workers.register("worker-0", "127.0.0.1:4000", capacity=100, version="1")
    clock.advance(seconds=1)
    await store.workers.heartbeat("worker-0", state=WorkerState.DRAINING, load=0.25)
    told = replace(made, state=WorkerState.DRAINING, load=0.25, heartbeat=clock.now)
    assert await store.workers.get("worker-0") == told
    with pytest.raises(NotFound):
        await store.workers.heartbeat("worker-1", state=WorkerState.READY, load=0)


async def test_silent_workers_are_not_listed(store: Store, clock: SetClock) -> None:
    await store.workers.register("silent", "127.0.0.1:4000", capacity=100, version="1")
    clock.advance(minutes=2)
    for worker in ("busy", "idle"):
        await store.workers.register(worker, "127.0.0.1:4001", capacity=100, version="1")
    await store.workers.heartbeat("busy", state=WorkerState.READY, load=0.9)
    assert [worker.id for worker in await store.workers.all(MINUTE)] == ["idle", "busy"]
    assert len(await store.workers.all()) == 3


async def test_a_forgotten_worker_is_gone(store: Store) -> None:
    await store.workers.register("worker-0", "127.0.0.1:4000", capacity=100, version="1")
    await store.workers.forget("worker-0")
    await store.workers.forget("worker-0")
    with pytest.raises(NotFound):
        await store.workers.get("worker-0")


async def test_backends_tell_where_they_are(store: Store, clock: SetClock) -> None:
    await store.backends.heartbeat("backend-0", "10.0.0.1:443", version="1")
    await store.backends.heartbeat("backend-1", "10.0.0.2:443", version="1")
    clock.advance(minutes=2)
    moved = await store.backends.heartbeat("backend-1", "10.0.0.3:443", version="2")
    assert await store.backends.all(MINUTE) == [moved]
    assert [backend.id for backend in await store.backends.all()] == ["backend-0", "backend-1"]
    await store.backends.forget("backend-1")
    assert await store.backends.all(MINUTE) == []
