"""Placement: on which worker a workspace is open, and opening it where it is not.

Invariant: a worker is given a workspace only at an epoch that this backend has won in the database, and what it is
given was read after that; so nothing that an older worker managed to write is missing, and nothing it writes later
is taken.

A worker that does not answer is done without after a while (`WorkerConnection.patience_seconds`): its workspaces are
opened on another one. Where it lives nevertheless and only we cannot reach it, the new epoch shuts it out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sagews.backend.bell import Bell
from sagews.backend.going_bundles import record_of, send_bundles
from sagews.backend.journal import Journal
from sagews.backend.metrics import Metrics
from sagews.backend.switchboard import Switchboard
from sagews.backend.worker_connection import CONNECT_SECONDS, WorkerConnection
from sagews.database.account_types import AccountType
from sagews.database.choices import WorkspaceKind
from sagews.database.store import Store
from sagews.database.workspaces import Workspace
from sagews.errors import DatabaseUnavailable, Fenced, NotFound, OverLimit, SagewsError, Unavailable, WorkerUnavailable
from sagews.messages.records import DocumentState, JournalEntry, Limits
from sagews.messages.workspace import OpenWorkspace

log = logging.getLogger(__name__)

TRIES = 10
PAUSES = (0.02, 0.05, 0.1)
"""For a site with several backends: how long one waits for another that has won an epoch and has not yet told the
worker, before it looks whether that was just now."""
OPENING_PAUSE_SECONDS = 0.2
OPENING_SECONDS = 3.0
"""For so long after it was heard that another backend opens a workspace, it is not opened by us."""
HEARD = 10_000
"""Openings that are remembered."""


@dataclass(frozen=True)
class Placed:
    """Where a workspace is open, and its journal, which is followed."""

    epoch: int
    worker: str
    link: Switchboard
    journal: Journal


class Placement:
    """Finds or makes the opening of a workspace."""

    def __init__(
        self, store: Store, metrics: Metrics, *, pauses_seconds: Sequence[float] = (), bell: Bell | None = None
    ) -> None:
        """
        :param pauses_seconds: see `PAUSES`; none on a site with one backend.
        :param bell: that of the worker connections.
        """
        self._store = store
        self._metrics = metrics
        self._pauses = tuple(pauses_seconds)
        self._bell = bell or Bell()
        self._heard: dict[tuple[str, int], float] = {}

    def heard_opened(self, workspace: str, epoch: int) -> None:
        """Some backend opens this workspace at this epoch just now."""
        self._heard[workspace, epoch] = asyncio.get_running_loop().time()
        if len(self._heard) > HEARD:
            del self._heard[next(iter(self._heard))]

    async def place(self, workspace: str, workers: Sequence[WorkerConnection]) -> Placed:
        """Join the workspace where it is open, or open it.

        :raises WorkerUnavailable: no worker answers and takes it.
        :raises NotFound: there is no such workspace.
        :raises DatabaseUnavailable: the database does not answer.
        """
        refusals: dict[str, SagewsError] = {}
        for _ in range(TRIES):
            stored = await self._store.workspaces.get(workspace)
            try:
                placed = await self._join(stored, workers)
            except WorkerUnavailable as error:
                log.info("Not joined", extra={"action": "not_joined", "worker": stored.worker, "what": error.what})
                continue
            if placed is None:
                placed = await self._open(stored, workers, refusals)
            if placed is not None:
                return placed
        raise WorkerUnavailable("The workspace is opened again and again by others.")

    # -- where it is open

    async def _join(self, stored: Workspace, workers: Sequence[WorkerConnection]) -> Placed | None:
        worker = next((one for one in workers if one.id == stored.worker), None)
        if worker is None or stored.epoch == 0:
            return None
        try:
            link = await worker.ready(worker.patience_seconds(is_alone=len(workers) == 1))
        except WorkerUnavailable:
            return None
        pauses = list(self._pauses)
        while True:
            journal = self._journal(stored, stored.epoch, worker, link)
            try:
                await journal.start()
                return Placed(stored.epoch, worker.id, link, journal)
            except (NotFound, Fenced):
                if not pauses and not self._is_being_opened(stored):
                    return None
            await asyncio.sleep(pauses.pop(0) if pauses else OPENING_PAUSE_SECONDS)
            if (await self._store.workspaces.get(stored.id)).epoch != stored.epoch:
                return None

    def _is_being_opened(self, stored: Workspace) -> bool:
        """Whether another backend has won this epoch just now, and may not have told the worker yet."""
        heard = self._heard.get((stored.id, stored.epoch), float("-inf"))
        return bool(self._pauses) and asyncio.get_running_loop().time() - heard < OPENING_SECONDS

    # -- where it is not

    async def _open(
        self, stored: Workspace, workers: Sequence[WorkerConnection], refusals: dict[str, SagewsError]
    ) -> Placed | None:
        """None: somebody else was faster, or the worker does not take it: look again.

        :param refusals: workers that have refused it, with the reasons; is added to.
        """
        worker = await self._choose(workers, refusals)
        try:
            epoch = await self._store.workspaces.open(stored.id, worker.id, if_epoch=stored.epoch)
            content = await self._content(stored)
        except Fenced:
            return None
        worker.opened()
        try:
            link = await worker.ready(0)
            if content.bundles:
                await send_bundles(worker.bulk(stored.id, epoch), self._store, stored.id, content.bundles)
            await link.request(content, workspace=stored.id, epoch=epoch)
            journal = self._journal(stored, epoch, worker, link)
            await journal.start()
        except DatabaseUnavailable:
            raise
        except Fenced:
            return None
        except (NotFound, OverLimit, Unavailable) as error:
            refusals[worker.id] = error
            log.info("Worker does not take it", extra={"action": "not_taken", "worker": worker.id, "what": error.what})
            return None
        log.info(
            "Workspace opened",
            extra={"action": "workspace_opened", "workspace": stored.id, "epoch": epoch, "worker": worker.id},
        )
        return Placed(epoch, worker.id, link, journal)

    async def _choose(self, workers: Sequence[WorkerConnection], refusals: dict[str, SagewsError]) -> WorkerConnection:
        """The worker with the least to do of those that take more; waits for one a little while none answers.

        :raises SagewsError: all have refused; the reason of the last one.
        :raises WorkerUnavailable: there is none, or none answers.
        """
        left = [one for one in workers if one.id not in refusals]
        if not left:
            raise list(refusals.values())[-1] if refusals else WorkerUnavailable("The site has no worker.")
        away = min((one.away_seconds() for one in left if not one.is_draining), default=CONNECT_SECONDS)
        try:
            async with asyncio.timeout(max(CONNECT_SECONDS - away, 0)):
                await self._bell.until(lambda: any(one.takes_more for one in left))
        except TimeoutError as error:
            raise WorkerUnavailable("No worker answers and takes workspaces.") from error
        takers = [one for one in left if one.takes_more]
        return min(takers, key=lambda one: (not one.has_room, one.burden))

    def _journal(self, stored: Workspace, epoch: int, worker: WorkerConnection, link: Switchboard) -> Journal:
        kept = stored.kind is not WorkspaceKind.SCRATCH
        return Journal(
            stored.id,
            epoch,
            link,
            self._store,
            self._metrics,
            kept=kept,
            bulk=lambda: worker.bulk(stored.id, epoch),
        )

    async def _content(self, stored: Workspace) -> OpenWorkspace:
        loaded = await self._store.documents.load(stored.id)
        account_type = await self._store.account_types.of_account(stored.owner)
        return OpenWorkspace(
            limits=limits_of(account_type),
            documents=tuple(
                DocumentState(one.id, one.path, one.state, one.file_digest or "") for one in loaded.documents
            ),
            journal=tuple(
                JournalEntry(row.epoch, row.n, row.document, row.path, row.update, row.actor) for row in loaded.journal
            ),
            kept=stored.kind is not WorkspaceKind.SCRATCH,
            account=stored.owner,
            bundles=tuple(map(record_of, await self._store.bundles.chain(stored.id))),
        )


def limits_of(account_type: AccountType) -> Limits:
    """What one session of an account of this type may use."""
    return Limits(
        memory_bytes=account_type.memory_bytes,
        cpu_seconds=account_type.cpu_seconds,
        wall_seconds=account_type.wall_seconds,
        idle_seconds=account_type.idle_seconds,
        processes=account_type.processes,
        open_files=account_type.open_files,
        file_bytes=account_type.file_size_bytes,
        output_bytes=account_type.output_bytes,
        sessions=account_type.sessions,
        disk_bytes=account_type.disk_bytes,
        disk_files=account_type.disk_files,
    )
