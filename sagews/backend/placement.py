"""Placement: on which worker a workspace is open, and opening it where it is not.

Invariant: a worker is given a workspace only at an epoch that this backend has won in the database, and what it is
given was read after that; so nothing that an older worker managed to write is missing, and nothing it writes later
is taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sagews.backend.journal import Journal
from sagews.backend.metrics import Metrics
from sagews.backend.switchboard import Switchboard
from sagews.backend.worker_connection import WorkerConnection
from sagews.database.account_types import AccountType
from sagews.database.choices import WorkspaceKind
from sagews.database.store import Store
from sagews.database.workspaces import Workspace
from sagews.errors import Fenced, NotFound, WorkerUnavailable
from sagews.messages.records import DocumentState, JournalEntry, Limits
from sagews.messages.workspace import OpenWorkspace

log = logging.getLogger(__name__)

TRIES = 10
CONNECT_SECONDS = 5.0
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""For a site with several backends."""


@dataclass(frozen=True)
class Placed:
    """Where a workspace is open, and its journal, which is followed."""

    epoch: int
    worker: str
    link: Switchboard
    journal: Journal


class Placement:
    """Finds or makes the opening of a workspace."""

    def __init__(self, store: Store, metrics: Metrics, *, pauses_seconds: Sequence[float] = ()) -> None:
        """
        :param pauses_seconds: how long to wait, again and again, for another backend that has won an epoch and has
            not yet told the worker; none on a site with one backend.
        """
        self._store = store
        self._metrics = metrics
        self._pauses = tuple(pauses_seconds)

    async def place(self, workspace: str, workers: Sequence[WorkerConnection]) -> Placed:
        """Join the workspace where it is open, or open it.

        :raises WorkerUnavailable: no worker answers.
        :raises NotFound: there is no such workspace.
        :raises DatabaseUnavailable: the database does not answer.
        """
        for _ in range(TRIES):
            stored = await self._store.workspaces.get(workspace)
            placed = await self._join(stored, workers)
            if placed is None:
                placed = await self._open(stored, workers)
            if placed is not None:
                return placed
        raise WorkerUnavailable("The workspace is opened again and again by others.")

    async def _join(self, stored: Workspace, workers: Sequence[WorkerConnection]) -> Placed | None:
        worker = next((one for one in workers if one.id == stored.worker), None)
        if worker is None or stored.epoch == 0:
            return None
        try:
            link = await worker.ready(CONNECT_SECONDS)
        except WorkerUnavailable:
            return None
        for pause in (*self._pauses, None):
            journal = self._journal(stored, stored.epoch, link)
            try:
                await journal.start()
                return Placed(stored.epoch, worker.id, link, journal)
            except (NotFound, Fenced):
                if pause is None:
                    return None
            await asyncio.sleep(pause)
            if (await self._store.workspaces.get(stored.id)).epoch != stored.epoch:
                return None
        return None

    async def _open(self, stored: Workspace, workers: Sequence[WorkerConnection]) -> Placed | None:
        """None: somebody else was faster."""
        worker = await self._choose(workers)
        link = await worker.ready(CONNECT_SECONDS)
        try:
            epoch = await self._store.workspaces.open(stored.id, worker.id, if_epoch=stored.epoch)
            content = await self._content(stored)
            await link.request(content, workspace=stored.id, epoch=epoch)
            journal = self._journal(stored, epoch, link)
            await journal.start()
        except Fenced:
            return None
        log.info(
            "Workspace opened",
            extra={"action": "workspace_opened", "workspace": stored.id, "epoch": epoch, "worker": worker.id},
        )
        return Placed(epoch, worker.id, link, journal)

    def _journal(self, stored: Workspace, epoch: int, link: Switchboard) -> Journal:
        kept = stored.kind is not WorkspaceKind.SCRATCH
        return Journal(stored.id, epoch, link, self._store, self._metrics, kept=kept)

    async def _choose(self, workers: Sequence[WorkerConnection]) -> WorkerConnection:
        """The connected worker with the least load, or any, where none is connected yet."""
        if not workers:
            raise WorkerUnavailable("The site has no worker.")
        loads = {one.id: one.load for one in await self._store.workers.all()}
        return min(workers, key=lambda one: (not one.connected, loads.get(one.id, 0.0)))

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
    )
