"""Folders of workspaces on the disks of workers: has those removed that are needed no more.

Invariant: a folder goes only when its workspace is noted as gone, or when the database has every version that the
worker has and the worker says that they are all that is in it. What the database does not know stays: the database may
be an older one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from typing import Any

from sagews.backend import background
from sagews.backend.worker_connection import WorkerConnection
from sagews.database.store import Store
from sagews.errors import DatabaseUnavailable, SagewsError
from sagews.messages.folders import FoldersListed, ForgetWorkspace, ListFolders, RemoveFolder
from sagews.messages.frame import Message
from sagews.messages.records import FolderRecord

log = logging.getLogger(__name__)

AT_ONCE = 1000
"""Looked up with one query."""


class WorkerFolders:
    """Of all workers of the site."""

    def __init__(self, workers: Sequence[WorkerConnection], store: Store) -> None:
        self._workers = tuple(workers)
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._turns: defaultdict[WorkerConnection, asyncio.Lock] = defaultdict(asyncio.Lock)

    def start(self) -> None:
        """Tidy up at each worker when it is connected; repeatable."""
        self._is_stopping = False
        for worker in self._workers:
            worker.on_connected = self._connected
            if worker.connected:
                self._connected(worker)

    async def stop(self) -> None:
        """Undo `start`; repeatable."""
        self._is_stopping = True
        await background.stop(*self._tasks)

    def heard_gone(self, workspace: str) -> None:
        """It is deleted for good: nothing of it is to be left. A worker that is away is told when it is back."""
        for worker in self._workers:
            if worker.connected:
                self._begin(self._ask(worker, ForgetWorkspace(), workspace), f"end of {workspace} at {worker.id}")

    def look(self) -> None:
        """Something may have been missed: tidy up now."""
        self._begin(self.tidy(), "folders of workers")

    async def tidy(self) -> None:
        """Tidy up at all workers that answer."""
        for worker in self._workers:
            if worker.connected:
                await self._tidy(worker)

    def _connected(self, worker: WorkerConnection) -> None:
        self._begin(self._tidy(worker), f"folders of {worker.id}")

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._is_stopping:
            work.close()
            return
        task = background.start(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tidy(self, worker: WorkerConnection) -> None:
        try:
            link = await worker.ready(0)
            listed = (await link.request(ListFolders())).content
            if not isinstance(listed, FoldersListed):
                return
            for start in range(0, len(listed.folders), AT_ONCE):
                await self._remove(worker, listed.folders[start : start + AT_ONCE])
        except DatabaseUnavailable as error:
            log.info("Folders not compared", extra={"action": "folders_not_compared", "what": error.what})
        except SagewsError as error:
            log.info("Folders not listed", extra={"action": "folders_not_listed", "what": error.what})

    async def _remove(self, worker: WorkerConnection, folders: Sequence[FolderRecord]) -> None:
        gone = await self._store.gone_workspaces.of([one.workspace for one in folders])
        newest = await self._store.bundles.newest([one.workspace for one in folders if one.is_old])
        for folder in folders:
            if folder.workspace in gone:
                await self._ask(worker, ForgetWorkspace(), folder.workspace)
            elif folder.workspace in newest and is_needless(folder, newest[folder.workspace]):
                await self._ask(worker, RemoveFolder(), folder.workspace)

    async def _ask(self, worker: WorkerConnection, content: Message, workspace: str) -> None:
        try:
            async with self._turns[worker]:  # so many at once that users' requests are refused would be too many
                await (await worker.ready(0)).request(content, workspace=workspace)
        except SagewsError as error:
            # It is asked again: tomorrow, or when it is back.
            details = {"worker": worker.id, "workspace": workspace, "what": error.what}
            log.info("Folder stays for now", extra={"action": "folder_stays", **details})


def is_needless(folder: FolderRecord, stored: int) -> bool:
    """Whether the database, which has so many versions, has all that is in the folder, or others went on from there."""
    return folder.is_old and (stored > folder.versions or (folder.is_stored and stored == folder.versions))
