"""Workers: which there are, as the backends that talk to them tell (workers have no access to the database)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from sagews.database import tables
from sagews.database.choices import WorkerState
from sagews.database.clock import Clock
from sagews.database.rows import columns, value, values
from sagews.database.transactions import Transactions
from sagews.errors import NotFound


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
    """Registering workers and hearing from them."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def register(self, worker: str, address: str, *, capacity: int, version: str) -> Worker:
        """Note that a worker is ready at this address; repeatable."""
        row = Worker(worker, address, WorkerState.READY, capacity, 0.0, version, self._clock())
        changes = {name: field for name, field in vars(row).items() if name != "id"}
        insert = self._transactions.insert(tables.workers).values(**vars(row))
        async with self._transactions.write() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changes))
        return row

    async def heartbeat(self, worker: str, *, state: WorkerState, load: float) -> None:
        """Note that the worker answered now.

        :raises NotFound: it is not registered.
        """
        workers = tables.workers
        statement = update(workers).where(workers.c.id == worker)
        changes = {"state": state, "load": load, "heartbeat": self._clock()}
        async with self._transactions.write() as connection:
            if (await connection.execute(statement.values(changes))).rowcount == 0:
                raise NotFound(f"There is no worker {worker!r}.")

    async def get(self, worker: str) -> Worker:
        """:raises NotFound: it is not registered."""
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
