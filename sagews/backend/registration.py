"""Registration: notes this backend, and the workers that it sees, in the database; learns there which are drained.

Invariant: at most one look at the database in `LEAST_SECONDS`. With nothing new there is one in `BEAT_SECONDS`, and
none at all where this is the only backend.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sagews.backend import background
from sagews.backend.worker_connection import WorkerConnection
from sagews.database.choices import BackendState, WorkerState
from sagews.database.store import Store
from sagews.database.workers import Sighting
from sagews.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

LEAST_SECONDS = 2.0
BEAT_SECONDS = 10.0
FORGET_SECONDS = 2.0
"""How long the end of this backend may wait for the database."""


@dataclass(frozen=True)
class Myself:
    """What a backend tells of itself."""

    id: str
    address: str
    version: str
    capacity: int
    """Live connections that it takes."""
    is_only_one: bool


class Registration:
    """From `start` to `stop`."""

    def __init__(
        self, myself: Myself, store: Store, workers: Sequence[WorkerConnection], connections: Callable[[], int]
    ) -> None:
        """:param connections: how many live connections there are now."""
        self.myself = myself
        self._store = store
        self._workers = tuple(workers)
        self._connections = connections
        self._news = asyncio.Event()
        self._look = asyncio.Event()
        self._noted: list[Sighting] = []
        self._task: asyncio.Task[None] | None = None
        for worker in self._workers:
            worker.on_change = self._note_soon

    def start(self) -> None:
        """Begin; repeatable."""
        if self._task is None:
            self._task = background.start(self._run(), "registration")

    async def stop(self) -> None:
        """Take this backend off the list; repeatable."""
        task, self._task = self._task, None
        await background.stop(task)
        if task is None:
            return
        try:
            async with asyncio.timeout(FORGET_SECONDS):
                await self._store.backends.forget(self.myself.id)
        except (DatabaseUnavailable, TimeoutError) as error:
            log.info("Backend stays listed", extra={"action": "backend_stays_listed", "what": str(error)})

    def look(self) -> None:
        """The state of a worker may have changed: look at it now."""
        self._look.set()
        self._news.set()

    async def begin_draining(self) -> None:
        """This backend ends its connections; note it, if it is on the list and the database answers."""
        if self._task is None:
            return
        await background.stop(self._task)
        try:
            async with asyncio.timeout(FORGET_SECONDS):
                await self._tell(BackendState.DRAINING)
        except (DatabaseUnavailable, TimeoutError) as error:
            log.info("Drain not noted", extra={"action": "drain_not_noted", "what": str(error)})

    async def _tell(self, state: BackendState) -> None:
        me = self.myself
        load = self._connections() / max(me.capacity, 1)
        await self._store.backends.heartbeat(
            me.id, me.address, version=me.version, state=state, capacity=me.capacity, load=load
        )

    def _note_soon(self) -> None:
        if self._sightings() != self._noted:
            self._news.set()

    def _sightings(self) -> list[Sighting]:
        return [seen for worker in self._workers if (seen := worker.sighting()) is not None]

    async def _run(self) -> None:
        while True:
            self._news.clear()
            self._look.clear()
            try:
                await self._beat()
            except DatabaseUnavailable as error:
                log.info("Not registered", extra={"action": "not_registered", "what": error.what})
                self._news.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LEAST_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), None if self.myself.is_only_one else BEAT_SECONDS)

    async def _beat(self) -> None:
        sightings = self._sightings()
        await self._store.workers.note(sightings)
        self._noted = sightings
        await self._tell(BackendState.READY)
        states = {one.id: one.state for one in await self._store.workers.all()}
        for worker in self._workers:
            if worker.id in states:
                worker.drain(states[worker.id] is WorkerState.DRAINING)
