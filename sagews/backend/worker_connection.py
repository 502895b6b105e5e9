"""Keeps this backend connected to one worker, and registers the worker in the database.

Invariant: there is at most one connection; one that broke is made again after a pause that grows to `LONGEST_PAUSE`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager

from sagews.backend import background
from sagews.backend.bell import Bell
from sagews.backend.bulk import Bulk
from sagews.backend.metrics import Metrics
from sagews.backend.switchboard import Switchboard
from sagews.client.worker_link import Connect
from sagews.database.store import Store
from sagews.errors import DatabaseUnavailable, SagewsError, WorkerUnavailable

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


class WorkerConnection:
    """A worker and the connection to it."""

    def __init__(
        self,
        worker: str,
        connect: Connect,
        store: Store,
        metrics: Metrics,
        *,
        address: str,
        token: str = "",
        capacity: int = 0,
    ) -> None:
        """
        :param worker: its id.
        :param connect: makes a connection; see `sagews.client.worker_link`.
        :param address: the same place for people, as the database has it.
        :param capacity: how many sessions the worker takes.
        """
        self.id = worker
        self.address = address
        self.link: Switchboard | None = None
        self.environments: tuple[str, ...] = ()
        self._store = store
        self._metrics = metrics
        self._connect = connect
        self._token = token
        self._capacity = capacity
        self._bell = Bell()
        self._away_since = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether it answers."""
        return self.link is not None and self.link.is_open

    def start(self) -> None:
        """Begin to connect; repeatable."""
        if self._task is None:
            self._away_since = asyncio.get_running_loop().time()
            self._task = background.start(self._run(), f"connection to {self.id}")

    async def stop(self) -> None:
        """Close the connection and make no other; repeatable."""
        await background.stop(self._task)
        self._task = None
        if self.link is not None:
            self.link.close()
            await self.link.gone.wait()
            self.link = None

    def bulk(self, workspace: str, epoch: int) -> AbstractAsyncContextManager[Bulk]:
        """A bulk connection, for one transfer in an open workspace."""
        return Bulk.open(self._connect, self._token, workspace, epoch)

    async def ready(self, within_seconds: float) -> Switchboard:
        """The connection; waits for it, until it was away for so long.

        :raises WorkerUnavailable: it has been away for longer.
        """
        if self.link is not None and self.link.is_open:
            return self.link
        left = within_seconds - (asyncio.get_running_loop().time() - self._away_since)
        try:
            async with asyncio.timeout(max(left, 0)):
                await self._bell.until(lambda: self.connected)
                return self._open_link()
        except TimeoutError as error:
            raise WorkerUnavailable(f"The worker {self.id} does not answer.") from error

    def _open_link(self) -> Switchboard:
        if self.link is None:
            raise WorkerUnavailable
        return self.link

    async def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                link = await Switchboard.open(self._connect, self._token)
            except SagewsError as error:
                level = logging.DEBUG if isinstance(error, WorkerUnavailable) else logging.ERROR
                log.log(level, "Worker refuses", extra={"action": "worker_refuses", "what": error.what})
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            await self._use(link)

    async def _use(self, link: Switchboard) -> None:
        self.link, self.environments = link, link.welcome.environments
        self._bell.ring()
        self._metrics.workers.inc()
        log.info("Worker connected", extra={"action": "worker_connected", "worker": self.id})
        try:
            await self._register(link)
            await link.gone.wait()
        finally:
            self._metrics.workers.dec()
            self._away_since = asyncio.get_running_loop().time()
        log.info("Worker lost", extra={"action": "worker_lost", "worker": self.id})

    async def _register(self, link: Switchboard) -> None:
        try:
            await self._store.workers.register(
                self.id, self.address, capacity=self._capacity, version=link.welcome.build
            )
        except DatabaseUnavailable as error:
            log.warning("Worker not registered", extra={"action": "worker_not_registered", "what": error.what})
