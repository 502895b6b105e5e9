"""Backends: which there are and where, so that pages know all addresses of the site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from sagews.database import tables
from sagews.database.choices import BackendState
from sagews.database.clock import Clock
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions


@dataclass(frozen=True)
class Backend:
    """A backend and when it last said that it lives.

    ``capacity`` is how many live connections it takes, ``load`` the part of it in use (0 to 1).
    """

    id: str
    address: str
    version: str
    heartbeat: datetime
    state: BackendState
    capacity: int
    load: float


class Backends:
    """Backends note themselves here."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def heartbeat(
        self,
        backend: str,
        address: str,
        *,
        version: str,
        state: BackendState = BackendState.READY,
        capacity: int = 0,
        load: float = 0.0,
    ) -> Backend:
        """Note that this backend lives at this address; the first time registers it."""
        row = Backend(backend, address, version, self._clock(), state, capacity, load)
        changes = {name: field for name, field in vars(row).items() if name != "id"}
        insert = self._transactions.insert(tables.backends).values(**vars(row))
        async with self._transactions.write() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changes))
        return row

    async def all(self, heard_within: timedelta | None = None) -> list[Backend]:
        """All backends, or those heard of within this time, by id."""
        query = select(*columns(tables.backends, Backend)).order_by(tables.backends.c.id)
        if heard_within is not None:
            query = query.where(tables.backends.c.heartbeat >= self._clock() - heard_within)
        async with self._transactions.read() as connection:
            return values(Backend, (await connection.execute(query)).all())

    async def forget(self, backend: str) -> None:
        """Delete the backend's row; repeatable."""
        async with self._transactions.write() as connection:
            await connection.execute(delete(tables.backends).where(tables.backends.c.id == backend))
