"""The workers that this backend talks to, and the workspaces that it keeps open on them.

Invariant: of a workspace there is at most one `Opening` here, at the newest epoch that this backend knows; while it
stands its journal is written and its lease renewed. With no open workspace nothing is done but pings.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from sagews.backend import background
from sagews.backend.bulk import Bulk
from sagews.backend.journal import Journal
from sagews.backend.metrics import Metrics
from sagews.backend.placement import Placement
from sagews.backend.session_counts import SessionCounts
from sagews.backend.switchboard import Switchboard
from sagews.backend.worker_connection import WorkerConnection
from sagews.database.choices import WorkspaceKind
from sagews.database.store import Store
from sagews.errors import DatabaseUnavailable, Fenced, NotFound, SagewsError
from sagews.messages import Frame
from sagews.messages.oversight import ListOpen, OpenListed
from sagews.messages.workspace import CloseWorkspace, RenewLease

log = logging.getLogger(__name__)

LEASE_SECONDS = 3.0
LOOK_SECONDS = 60.0
"""How often a worker is asked whether it still has a workspace that nobody here follows."""


@dataclass(frozen=True, eq=False)
class Opening:
    """A workspace, open on a worker at an epoch, followed by this backend."""

    workspace: str
    epoch: int
    worker: str
    link: Switchboard
    journal: Journal

    @property
    def is_over(self) -> bool:
        """Whether it is good for nothing any more."""
        return self.journal.over.done() or not self.link.is_open


class WorkerPool:
    """Connections to workers; opens workspaces and keeps them."""

    def __init__(
        self, workers: Sequence[WorkerConnection], placement: Placement, store: Store, metrics: Metrics
    ) -> None:
        self.workers = tuple(workers)
        self._counts = SessionCounts(self.workers)
        self._placement = placement
        self._store = store
        self._metrics = metrics
        self._openings: dict[str, Opening] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._leases: asyncio.Task[None] | None = None
        self._discarding: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin to connect; repeatable."""
        for worker in self.workers:
            worker.on_openings = self._heard_openings
            worker.on_sessions = self._counts.look
            worker.start()

    async def stop(self) -> None:
        """Let the workspaces stand where they are, and close the connections; repeatable."""
        self._stopping.set()
        if self._leases is not None:
            await asyncio.wait({self._leases})
        await background.stop(*self._discarding)
        for opening in list(self._openings.values()):
            await self._drop(opening)
        for worker in self.workers:
            await worker.stop()

    def environments(self) -> tuple[str, ...]:
        """What sessions can run in, the site's first first."""
        return next((worker.environments for worker in self.workers if worker.environments), ())

    async def open(self, workspace: str) -> Opening:
        """The workspace's opening; opens it where it is not open.

        :raises WorkerUnavailable: no worker answers.
        :raises NotFound: there is no such workspace.
        :raises DatabaseUnavailable: nobody can tell where it is.
        """
        async with self._turns.setdefault(workspace, asyncio.Lock()):
            opening = self._openings.get(workspace)
            if opening is not None and not opening.is_over:
                return opening
            if opening is not None:
                await self._drop(opening)
            placed = await self._placement.place(workspace, self.workers)
            opening = Opening(workspace, placed.epoch, placed.worker, placed.link, placed.journal)
            self._openings[workspace] = opening
            opening.journal.over.add_done_callback(lambda _: self._journal_over(opening))
            self._metrics.open_workspaces.set(len(self._openings))
            if self._leases is None or self._leases.done():
                self._leases = background.start(self._renew_leases(), "leases")
            return opening

    def _journal_over(self, opening: Opening) -> None:
        if opening.journal.was_closed:
            self._begin(self._note_worker_closed(opening), f"end of {opening.workspace}")

    async def _note_worker_closed(self, opening: Opening) -> None:
        await self.discard(opening)
        await self._note_closed(opening.workspace, opening.epoch, kept=opening.journal.kept)

    def bulk(self, opening: Opening) -> AbstractAsyncContextManager[Bulk]:
        """A bulk connection to the workspace's worker."""
        worker = next(worker for worker in self.workers if worker.id == opening.worker)
        return worker.bulk(opening.workspace, opening.epoch)

    def known(self, workspace: str) -> Opening | None:
        """The workspace's opening, where it is open here already."""
        opening = self._openings.get(workspace)
        return opening if opening is not None and not opening.is_over else None

    async def discard(self, opening: Opening) -> None:
        """It turned out to be good for nothing: the next `open` looks again. Repeatable."""
        async with self._turns.setdefault(opening.workspace, asyncio.Lock()):
            if self._openings.get(opening.workspace) is opening:
                await self._drop(opening)

    def heard_opened(self, workspace: str, epoch: int) -> None:
        """Some backend (this one too) opened the workspace: what is open here at an older epoch is over."""
        self._placement.heard_opened(workspace, epoch)
        opening = self._openings.get(workspace)
        if opening is not None and opening.epoch < epoch:
            self._fence(opening)

    def heard_deleted(self, workspace: str) -> None:
        """Some backend deleted the workspace."""
        opening = self._openings.get(workspace)
        if opening is not None:
            self._fence(opening)

    def look_at_leases(self) -> None:
        """Something may have been missed: see now what is still open here."""
        self._begin(self._renew_if_possible(), "leases")

    def _heard_openings(self, worker: WorkerConnection, epochs: Mapping[str, int]) -> None:
        if epochs:
            self._begin(self._close_what_is_over(worker, epochs), f"openings of {worker.id}")
        if worker.room is not None and worker.room.draining:
            self._begin(self._note_what_is_closed(worker, epochs), f"what {worker.id} has closed")

    async def _close_what_is_over(self, worker: WorkerConnection, epochs: Mapping[str, int]) -> None:
        """A worker that could not be reached for a while may have workspaces open that others have by now."""
        try:
            current = await self._store.workspaces.epochs(tuple(epochs))
        except DatabaseUnavailable as error:
            log.info("Openings not checked", extra={"action": "openings_not_checked", "what": error.what})
            return
        for workspace, epoch in epochs.items():
            if current.get(workspace, epoch + 1) > epoch and worker.link is not None:
                log.info("Opening is over", extra={"action": "opening_over", "workspace": workspace, "epoch": epoch})
                worker.link.send(Frame(content=CloseWorkspace(), workspace=workspace, epoch=epoch))

    async def _note_what_is_closed(self, worker: WorkerConnection, epochs: Mapping[str, int]) -> None:
        """What it closed may have been opened by a backend that is not there any more, and is nobody's to note."""
        try:
            known = await self._store.workspaces.open_on(worker.id)
            missing = [one for one in known if epochs.get(one.id) != one.epoch]
            if not missing or worker.link is None:
                return
            # Asked after the database was: what it does not have now it has had, unless it is used again.
            listed = (await worker.link.request(ListOpen())).content
        except SagewsError as error:
            log.info("Openings not checked", extra={"action": "openings_not_checked", "what": error.what})
            return
        if not isinstance(listed, OpenListed) or worker.room is None or not worker.room.draining:
            return
        now = {(one.workspace, one.epoch) for one in listed.workspaces}
        for one in missing:
            if (one.id, one.epoch) not in now:
                await self._note_closed(one.id, one.epoch, kept=one.kind is not WorkspaceKind.SCRATCH)

    def _fence(self, opening: Opening) -> None:
        opening.journal.fence()
        self._begin(self.discard(opening), f"end of {opening.workspace}")

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if not self._stopping.is_set():
            task = background.start(work, name)
            self._discarding.add(task)
            task.add_done_callback(self._discarding.discard)
        else:
            work.close()

    async def forget(self, workspace: str) -> None:
        """The workspace was deleted: its sessions end. Repeatable."""
        opening = self._openings.get(workspace)
        if opening is not None:
            await self._close_at_worker(opening)
            await self.discard(opening)

    async def _drop(self, opening: Opening) -> None:
        if opening.journal.over.done() and isinstance(opening.journal.over.result(), Fenced):
            await self._close_at_worker(opening)
        await opening.journal.stop()
        self._openings.pop(opening.workspace, None)
        self._metrics.open_workspaces.set(len(self._openings))

    async def _close_at_worker(self, opening: Opening) -> None:
        """The worker of an epoch that is over must not go on."""
        opening.link.send(Frame(content=CloseWorkspace(), workspace=opening.workspace, epoch=opening.epoch))

    async def _renew_leases(self) -> None:
        clock = asyncio.get_running_loop().time
        next_look = clock() + LOOK_SECONDS
        while self._openings and not self._stopping.is_set():
            await self._renew_if_possible()
            try:
                if clock() >= next_look:
                    next_look = clock() + LOOK_SECONDS
                    await self._look()
            except DatabaseUnavailable as error:
                log.info("Workers not asked", extra={"action": "workers_not_asked", "what": error.what})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LEASE_SECONDS)

    async def _renew_if_possible(self) -> None:
        try:
            await self._renew()
        except DatabaseUnavailable as error:
            log.info("Leases not renewed", extra={"action": "leases_not_renewed", "what": error.what})

    async def _look(self) -> None:
        """Find out which workspaces their workers have closed, because nobody was there."""
        for opening in list(self._openings.values()):
            if not opening.is_over and not opening.journal.is_listened_to:
                await opening.journal.look()
                if opening.journal.over.done() and isinstance(opening.journal.over.result(), NotFound):
                    await self._note_worker_closed(opening)

    async def _note_closed(self, workspace: str, epoch: int, *, kept: bool) -> None:
        """No worker has it open; a scratch workspace is thrown away."""
        try:
            await self._store.workspaces.close(workspace, epoch)
            if not kept:
                await self._store.workspaces.delete(workspace)
                await self._store.listings.changed(workspace)
        except DatabaseUnavailable as error:
            log.info("Closing not noted", extra={"action": "closing_not_noted", "what": error.what})
        except (Fenced, NotFound):
            log.info("Opened again meanwhile", extra={"action": "opened_again", "workspace": workspace})

    async def _renew(self) -> None:
        openings = dict(self._openings)
        if not openings:
            return
        current = await self._store.workspaces.epochs(tuple(openings))
        renewed: dict[Switchboard, dict[str, int]] = {}
        for name, opening in openings.items():
            if current.get(name) == opening.epoch:
                renewed.setdefault(opening.link, {})[name] = opening.epoch
            else:
                opening.journal.fence()
        for link, epochs in renewed.items():
            link.send(Frame(content=RenewLease(epochs=epochs)))
        for opening in list(self._openings.values()):
            if opening.is_over:
                await self.discard(opening)
