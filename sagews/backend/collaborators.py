"""What the parts of a backend work with, passed in from outside.

Invariant: nothing in here that matters outlives a request or a connection; what matters is in the database and on
the workers, so that any client can come back through any other backend.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sagews.backend.identity import Identity
from sagews.backend.metrics import Metrics
from sagews.backend.rates import Rate
from sagews.backend.sockjs import Sessions
from sagews.backend.transfers import Transfers
from sagews.backend.worker_pool import WorkerPool
from sagews.configuration import Configuration
from sagews.database.store import Store


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
    transfers: Transfers
    client_folder: Path
    """The browser's files."""
    connections: Sessions = field(default_factory=Sessions)

    @property
    def is_solo(self) -> bool:
        """Whether it serves one person on this machine."""
        return self.configuration.site.profile == "solo"
