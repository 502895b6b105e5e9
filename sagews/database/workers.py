"""Workers: which there are, as the backends that talk to them tell (workers have no access to the database)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, or_, select, update

from sagews.database import tables
from sagews.database.choices import WorkerState
from sagews.database.clock import Clock
from sagews.database.notices import Notice, Topic
from sagews.database.rows import columns, value, values
from sagews.database.transactions import Transactions
from sagews.errors import NotFound

HEARTBEAT = timedelta(seconds=8)
"""A worker of which nothing is new is noted again after so long: several backends see the same one."""


@dataclass(frozen=True)
class Sighting:
    """What a backend sees of a worker: ``load`` is the part of ``capacity`` (sessions) in use, more if overloaded."""

    id: str
    address: str
    capacity: int
    load: float
    version: str


@dataclass(frozen=True)
class Worker:
    """``capacity`` is how many sessions it takes, ``load`` the part of it in use (0 to 1, more if overloaded)."""

    id: str
    address: str
    state: WorkerState
    capacity: int
    load: float
    version: str
    heartbeat: datetime


class Workers:
    """Noting what is seen of workers, and taking them out of use."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def note(self, sightings: Sequence[Sighting]) -> None:
        """Note that these workers answer now; a new one is ready, one that is known keeps its state.

        Where a worker's row says all this already and is not older than `HEARTBEAT`, nothing is written.
        """
        if not sightings:
            return
        workers, now = tables.workers, self._clock()
        rows = [{**vars(one), "state": WorkerState.READY, "heartbeat": now} for one in sorted(sightings, key=_id)]
        insert = self._transactions.insert(workers)
        told = {name: insert.excluded[name] for name in ("address", "capacity", "load", "version", "heartbeat")}
        back = case((workers.c.state == WorkerState.STOPPED, WorkerState.READY), else_=workers.c.state)
        news = or_(
            workers.c.heartbeat < now - HEARTBEAT,
            workers.c.state == WorkerState.STOPPED,
            *(workers.c[name] != told[name] for name in ("address", "capacity", "load", "version")),
        )
        statement = insert.on_conflict_do_update(index_elements=["id"], set_={**told, "state": back}, where=news)
        async with self._transactions.write() as connection:
            await connection.execute(statement, rows)

    async def set_state(self, worker: str, state: WorkerState) -> None:
        """Take a worker out of use (``DRAINING``) or into use again (``READY``); every backend hears of it.

        :raises NotFound: it is not known.
        """
        workers = tables.workers
        async with self._transactions.write() as connection:
            changed = await connection.execute(update(workers).where(workers.c.id == worker).values(state=state))
            if changed.rowcount == 0:
                raise NotFound(f"There is no worker {worker!r}.")
            await self._transactions.tell(connection, Notice(Topic.WORKER, worker))

    async def get(self, worker: str) -> Worker:
        """:raises NotFound: it is not known."""
        async with self._transactions.read() as connection:
            query = select(*columns(tables.workers, Worker)).where(tables.workers.c.id == worker)
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"There is no worker {worker!r}.")
        return value(Worker, row)

    async def all(self, heard_within: timedelta | None = None) -> list[Worker]:
        """All workers, or those heard of within this time; the least loaded first."""
        query = select(*columns(tables.workers, Worker)).order_by(tables.workers.c.load, tables.workers.c.id)
        if heard_within is not None:
            query = query.where(tables.workers.c.heartbeat >= self._clock() - heard_within)
        async with self._transactions.read() as connection:
            return values(Worker, (await connection.execute(query)).all())

    async def forget(self, worker: str) -> None:
        """Delete the worker's row; repeatable."""
        async with self._transactions.write() as connection:
            await connection.execute(delete(tables.workers).where(tables.workers.c.id == worker))


def _id(sighting: Sighting) -> str:
    """One order for all, so that two backends that note the same workers cannot wait for each other in a circle."""
    return sighting.id
