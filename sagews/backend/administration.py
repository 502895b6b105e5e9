"""What the site's operator sees and does of workers and backends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.backend.worker_connection import WorkerConnection
from sagews.database.backends import Backend
from sagews.database.choices import BackendState, WorkerState
from sagews.database.clock import utc_now
from sagews.database.workers import Worker
from sagews.errors import Conflict, NotFound

administration = Operations("administration")

HEARD_WITHIN = timedelta(seconds=30)
"""A component that was not heard of for longer does not answer, as far as the database knows."""


class AdministratedWorker(Schema):
    """A worker: `load` is the part of its capacity (sessions) in use; `connected`: the backend that answers sees it.

    `sessions` and `waiting` (for a place) are what it said last to that backend; null where it is not connected.
    `workspaces` are open there now, or (where it is not connected) were the last that was heard.
    `heard_seconds` ago some backend noted it.
    """

    id: str
    address: str
    state: Literal["ready", "draining", "stopped"]
    capacity: int
    load: float
    workspaces: int
    version: str
    heartbeat: str
    heard_seconds: float
    connected: bool
    sessions: int | None
    waiting: int | None
    environments: list[str]

    @classmethod
    def of(
        cls, worker: Worker, workspaces: int, now: datetime, connection: WorkerConnection | None
    ) -> AdministratedWorker:
        """The answer about a worker.

        :param workspaces: open there as far as the database knows.
        :param connection: of the backend that answers.
        """
        connected = connection is not None and connection.connected
        room = connection.room if connection is not None and connected else None
        return cls(
            id=worker.id,
            address=worker.address,
            state=worker.state.value,
            capacity=worker.capacity,
            load=worker.load,
            workspaces=workspaces if room is None else room.workspaces,
            version=worker.version,
            heartbeat=worker.heartbeat.isoformat(),
            heard_seconds=seconds_since(worker.heartbeat, now),
            connected=connected,
            sessions=None if room is None else room.sessions,
            waiting=None if room is None else room.waiting,
            environments=list(connection.environments) if connection is not None else [],
        )


class AdministratedWorkers(Schema):
    """By id."""

    workers: list[AdministratedWorker]


class AdministratedBackend(Schema):
    """A backend: `load` is the part of its capacity (live connections) in use.

    `answers`: it is the one that answers this, or was heard of lately, `heard_seconds` ago.
    """

    id: str
    address: str
    state: Literal["ready", "draining"]
    capacity: int
    load: float
    connections: int
    version: str
    heartbeat: str
    heard_seconds: float
    answers: bool

    @classmethod
    def of(cls, backend: Backend, now: datetime, myself: str) -> AdministratedBackend:
        """The answer about a backend.

        :param myself: the id of the one that answers.
        """
        heard = now - backend.heartbeat
        return cls(
            id=backend.id,
            address=backend.address,
            state=backend.state.value,
            capacity=backend.capacity,
            load=backend.load,
            connections=round(backend.load * backend.capacity),
            version=backend.version,
            heartbeat=backend.heartbeat.isoformat(),
            heard_seconds=seconds_since(backend.heartbeat, now),
            answers=backend.id == myself or (heard < HEARD_WITHIN and backend.state is BackendState.READY),
        )


class AdministratedBackends(Schema):
    """By id."""

    backends: list[AdministratedBackend]


def seconds_since(moment: datetime, now: datetime) -> float:
    """How long ago that was; no less than 0, where two machines' clocks differ."""
    return round(max((now - moment).total_seconds(), 0.0), 1)


async def workers_of(call: Call) -> list[AdministratedWorker]:
    """The workers, by id."""
    store, now = call.backend.store, utc_now()
    counts = await store.workspaces.count_by_worker()
    connections = {worker.id: worker for worker in call.backend.workers.workers}
    return [
        AdministratedWorker.of(one, counts.get(one.id, 0), now, connections.get(one.id))
        for one in sorted(await store.workers.all(), key=lambda worker: worker.id)
    ]


async def backends_of(call: Call) -> list[AdministratedBackend]:
    """The backends, by id."""
    myself = call.backend.registration.myself.id
    found = sorted(await call.backend.store.backends.all(), key=lambda backend: backend.id)
    return [AdministratedBackend.of(one, utc_now(), myself) for one in found]


@administration.declare("GET", "/api/admin/workers", answer=AdministratedWorkers)
async def list_workers(call: Call) -> AdministratedWorkers:
    """List the workers (operator)."""
    call.require_operator()
    return AdministratedWorkers(workers=await workers_of(call))


@administration.declare("GET", "/api/admin/backends", answer=AdministratedBackends)
async def list_backends(call: Call) -> AdministratedBackends:
    """List the backends (operator)."""
    call.require_operator()
    return AdministratedBackends(backends=await backends_of(call))


@administration.declare("POST", "/api/admin/workers/{worker}/drain", status=204, refuses=(NotFound, Conflict))
async def drain_worker(call: Call) -> None:
    """Take a worker out of use (operator).

    It gets no new workspaces; each one that it has open goes on on another worker as soon as nothing runs in it.
    Repeatable.
    """
    call.require_operator()
    store, worker = call.backend.store, call.path["worker"]
    await store.workers.get(worker)
    others = [one for one in await store.workers.all(HEARD_WITHIN) if one.id != worker]
    if not any(one.state is WorkerState.READY for one in others):
        raise Conflict("There is no other worker that could take its workspaces.", mend="Start or undrain one first.")
    await store.workers.set_state(worker, WorkerState.DRAINING)
    await store.activity.note("worker_drained", account=call.who.account.id, details={"worker": worker})


@administration.declare("POST", "/api/admin/workers/{worker}/undrain", status=204, refuses=(NotFound,))
async def undrain_worker(call: Call) -> None:
    """Take a worker into use again (operator). Repeatable."""
    call.require_operator()
    worker = call.path["worker"]
    await call.backend.store.workers.set_state(worker, WorkerState.READY)
    await call.backend.store.activity.note("worker_undrained", account=call.who.account.id, details={"worker": worker})
