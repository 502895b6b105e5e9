"""What the parts of a backend work with, passed in from outside.

Invariant: nothing in here that matters outlives a request or a connection; what matters is in the database and on
the workers, so that any client can come back through any other backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sagews.backend.audience import Audience
from sagews.backend.entrance import Entrance
from sagews.backend.guests import Guests
from sagews.backend.identity import Identity
from sagews.backend.mail import Mail
from sagews.backend.metrics import Metrics
from sagews.backend.news import News
from sagews.backend.published_layout import PublishedLayout
from sagews.backend.registration import Registration
from sagews.backend.rendering import Rendering
from sagews.backend.sockjs import Sessions
from sagews.backend.transfers import Transfers
from sagews.backend.worker_folders import WorkerFolders
from sagews.backend.worker_pool import WorkerPool
from sagews.configuration import Configuration
from sagews.database.store import Store
from sagews.rates import Rate


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A backend's collaborators."""

    configuration: Configuration
    store: Store
    workers: WorkerPool
    identity: Identity
    metrics: Metrics
    sign_in_rate: Rate
    request_rate: Rate
    message_rate: Rate
    guests: Guests
    transfers: Transfers
    entrance: Entrance
    audience: Audience
    registration: Registration
    news: News
    mail: Mail
    folders: WorkerFolders
    published: PublishedLayout
    rendering: Rendering
    client_folder: Path
    """The browser's files."""
    connections: Sessions

    @property
    def is_solo(self) -> bool:
        """Whether it serves one person on this machine."""
        return self.configuration.is_solo

    def start(self) -> None:
        """Connect to the workers, listen to the database, be on its list; repeatable."""
        self.workers.start()
        self.news.start()
        self.registration.start()
        self.published.start()
        self.folders.start()

    async def stop(self) -> None:
        """Undo `start`; repeatable."""
        await self.news.stop()
        await self.mail.stop()
        await self.published.stop()
        await self.folders.stop()
        await self.registration.stop()
        await self.workers.stop()
