"""Health of this backend, and the state of the site for people.

``/healthz`` is 200 also while the database is down: a backend without it still carries evaluations.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sagews.backend.answers import Answering
from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.errors import DatabaseUnavailable
from sagews.messages.connection import PROTOCOL

if TYPE_CHECKING:
    from sagews.backend.collaborators import Backend

status = Operations("status")

PATIENCE_SECONDS = 1.0


class WorkerAnswer(Schema):
    """A worker, as this backend sees it."""

    id: str
    connected: bool
    environments: list[str]


class StatusAnswer(Schema):
    """What answers."""

    site: str
    protocol: int
    database: bool
    workers: list[WorkerAnswer]
    environments: list[str]
    live_connections: int


async def database_answers(backend: Backend) -> bool:
    """Whether the database gives a sign of life within `PATIENCE_SECONDS`."""
    try:
        await asyncio.wait_for(backend.store.check(), PATIENCE_SECONDS)
    except (DatabaseUnavailable, TimeoutError):
        return False
    return True


@status.declare("GET", "/api/status", answer=StatusAnswer)
async def show_status(call: Call) -> StatusAnswer:
    """Tell what answers."""
    backend = call.backend
    return StatusAnswer(
        site=backend.configuration.site.name,
        protocol=PROTOCOL,
        database=await database_answers(backend),
        workers=[
            WorkerAnswer(id=worker.id, connected=worker.connected, environments=list(worker.environments))
            for worker in backend.workers.workers
        ],
        environments=list(backend.workers.environments()),
        live_connections=len(backend.connections),
    )


class AddressesAnswer(Schema):
    """Origins of the site, such as `https://sage.example:8443`."""

    addresses: list[str]


@status.declare("GET", "/api/addresses", open_to_all=True, answer=AddressesAnswer)
async def list_addresses(call: Call) -> AddressesAnswer:
    """List every address of the site, for who came by this one, which is the first."""
    return AddressesAnswer(addresses=list(call.backend.entrance.addresses(call.protocol, call.host)))


class HealthPage(Answering):
    """``/healthz``, for load balancers: open to all, says nothing but which parts answer."""

    def initialize(self, backend: Backend) -> None:
        self.backend = backend

    async def get(self) -> None:
        parts = {"backend": True, "database": await database_answers(self.backend)}
        for worker in self.backend.workers.workers:
            parts[f"worker {worker.id}"] = worker.connected
        self.write_json({"status": "ok" if all(parts.values()) else "degraded", "parts": parts})
