"""Keeps this backend connected to one worker, and knows what that says of itself.

Invariant: there is at most one connection; one that broke is made again after a pause that grows to `LONGEST_PAUSE`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from sagews.backend import background
from sagews.backend.bell import Bell
from sagews.backend.bulk import Bulk
from sagews.backend.metrics import Metrics
from sagews.backend.switchboard import Switchboard
from sagews.backend.worker_place import WorkerPlace
from sagews.database.workers import Sighting
from sagews.errors import SagewsError, WorkerUnavailable
from sagews.messages import Frame
from sagews.messages.room import Drain, Openings, Room, Undrain

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
CONNECT_SECONDS = 5.0
"""How long a worker may be away until it is done without, where there is no other."""
MOVE_SECONDS = 1.0
"""The same where there are others, and it was there before; one that fell silent has had its time already."""
WEIGHT_OF_A_WORKSPACE = 0.25
"""In sessions: one that is open will have some soon."""


class WorkerConnection:
    """A worker and the connection to it."""

    def __init__(self, worker: str, place: WorkerPlace, metrics: Metrics, *, token: str = "", bell: Bell | None = None):
        """
        :param worker: its id.
        :param bell: rung when it answers or does no longer, or its room changes.
        """
        self.id = worker
        self.link: Switchboard | None = None
        self.environments: tuple[str, ...] = ()
        self.room: Room | None = None
        """What it said last of its room."""
        self.is_draining = False
        """Whether the database says so; what it says itself is in `room`."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when there is something new to be noted in the database."""
        self.on_connected: Callable[[WorkerConnection], None] = lambda worker: None
        """Called when it answers (again)."""
        self.on_sessions: Callable[[WorkerConnection], None] = lambda worker: None
        """Called when it is connected or lost, or its room changes."""
        self.on_openings: Callable[[WorkerConnection, Mapping[str, int]], None] = lambda worker, epochs: None
        """Called with the workspaces, and their epochs, that it has open when it is connected."""
        self._place = place
        self._metrics = metrics
        self._token = token
        self._bell = bell or Bell()
        self._opened_since = 0
        self._away_since = 0.0
        self._was_there = False
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether it answers."""
        return self.link is not None and self.link.is_open

    @property
    def takes_more(self) -> bool:
        """Whether a workspace can be opened there."""
        return self.connected and not self.is_draining and not (self.room is not None and self.room.draining)

    @property
    def has_room(self) -> bool:
        """Whether a session would start there at once."""
        return self.room is None or self.room.sessions < self.room.places

    @property
    def burden(self) -> float:
        """The part of it that is in use, or will be soon: to compare workers."""
        if self.room is None:
            return float(self._opened_since)
        workspaces = self.room.workspaces + self._opened_since
        sessions = self.room.sessions + self.room.waiting
        return (sessions + WEIGHT_OF_A_WORKSPACE * workspaces) / max(self.room.places, 1)

    def sighting(self) -> Sighting | None:
        """What the database is told of it; None where nothing is seen."""
        link = self.link
        if link is None or not link.is_open or self.room is None:
            return None
        load = (self.room.sessions + self.room.waiting) / max(self.room.places, 1)
        return Sighting(self.id, self._place.text(), self.room.places, load, link.welcome.build)

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
        return Bulk.open(self._place.connect, self._token, workspace, epoch)

    def away_seconds(self) -> float:
        """How long it has not answered."""
        return 0.0 if self.connected else asyncio.get_running_loop().time() - self._away_since

    def patience_seconds(self, *, is_alone: bool) -> float:
        """How long it may be away until its workspaces are opened on another worker.

        :param is_alone: there is no other.
        """
        return MOVE_SECONDS if self._was_there and not is_alone else CONNECT_SECONDS

    async def ready(self, within_seconds: float) -> Switchboard:
        """The connection; waits for it, until it was away for so long.

        :raises WorkerUnavailable: it has been away for longer.
        """
        if self.link is not None and self.link.is_open:
            return self.link
        try:
            async with asyncio.timeout(max(within_seconds - self.away_seconds(), 0)):
                await self._bell.until(lambda: self.connected)
                return self._open_link()
        except TimeoutError as error:
            raise WorkerUnavailable(f"The worker {self.id} does not answer.") from error

    def opened(self) -> None:
        """A workspace was opened there just now; it will say so itself a little later."""
        self._opened_since += 1

    def drain(self, draining: bool) -> None:
        """The database says whether it is to be drained; repeatable."""
        if draining != self.is_draining:
            log.info("Worker's use changes", extra={"action": "worker_use", "worker": self.id, "draining": draining})
        self.is_draining = draining
        if self.link is not None and self.room is not None and self.room.draining != draining:
            self.link.send(Frame(content=Drain() if draining else Undrain()))
        self._bell.ring()

    def _open_link(self) -> Switchboard:
        if self.link is None:
            raise WorkerUnavailable
        return self.link

    async def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                link = await Switchboard.open(self._place.connect, self._token, self._heard)
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
        self._was_there = True
        if self.is_draining:
            link.send(Frame(content=Drain()))
        self._bell.ring()
        self.on_change()  # its room may have come together with its welcome, when there was no link to be seen yet
        self.on_connected(self)
        self.on_sessions(self)
        self._metrics.workers.inc()
        log.info("Worker connected", extra={"action": "worker_connected", "worker": self.id})
        try:
            await link.gone.wait()
        finally:
            self._metrics.workers.dec()
            self.room, self._opened_since = None, 0
            self._away_since = asyncio.get_running_loop().time() - (CONNECT_SECONDS if link.was_silent else 0)
            self._bell.ring()
            self.on_sessions(self)
        log.info("Worker lost", extra={"action": "worker_lost", "worker": self.id, "silent": link.was_silent})

    def _heard(self, news: Room | Openings) -> None:
        if isinstance(news, Openings):
            self.on_openings(self, news.epochs)
            return
        self.room, self._opened_since = news, 0
        self._bell.ring()
        self.on_change()
        self.on_sessions(self)
