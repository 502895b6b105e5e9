"""News: what other processes have changed in the database, handed to those parts of this backend that it concerns."""

from __future__ import annotations

import asyncio

from sagews.backend import background
from sagews.backend.audience import Audience
from sagews.backend.published_layout import PublishedLayout
from sagews.backend.registration import Registration
from sagews.backend.worker_folders import WorkerFolders
from sagews.backend.worker_pool import WorkerPool
from sagews.database.notices import Notice, Topic
from sagews.database.store import Store


class News:
    """Listens, from `start` to `stop`."""

    def __init__(
        self,
        store: Store,
        workers: WorkerPool,
        audience: Audience,
        registration: Registration,
        published: PublishedLayout,
        folders: WorkerFolders,
    ) -> None:
        self._store = store
        self._workers = workers
        self._audience = audience
        self._registration = registration
        self._published = published
        self._folders = folders
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen; repeatable."""
        if self._task is None:
            self._task = background.start(self._store.notices.listen(self._heard, self._missed), "news")

    async def stop(self) -> None:
        """Listen no more; repeatable."""
        await background.stop(self._task)
        self._task = None
        await self._audience.stop()

    def _heard(self, notice: Notice) -> None:
        if notice.topic is Topic.OPENED:
            self._workers.heard_opened(notice.id, notice.epoch)
        elif notice.topic in (Topic.DELETED, Topic.GONE):
            self._workers.heard_deleted(notice.id)
            self._audience.rights_changed(notice.id)
            if notice.topic is Topic.GONE:
                self._folders.heard_gone(notice.id)
        elif notice.topic is Topic.PERMISSION:
            self._audience.rights_changed(notice.id, notice.account)
        elif notice.topic is Topic.ACCOUNT:
            self._audience.account_changed(notice.id)
        elif notice.topic is Topic.WORKER:
            self._registration.look()
        elif notice.topic is Topic.PUBLISHED:
            self._published.look()

    def _missed(self) -> None:
        self._workers.look_at_leases()
        self._audience.account_changed()
        self._registration.look()
        self._published.look()
        self._folders.look()
