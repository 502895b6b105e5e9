"""The state of the site as this backend can know it, for the operator: what `sagews status` shows, from inside.

Invariant: what is not known is null, never a guess; whoever reads it sees when it was true.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from contextlib import suppress
from typing import Literal

import psutil

import sagews
from sagews.backend.administration import AdministratedBackend, AdministratedWorker, backends_of, workers_of
from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.certificates import CertificateFolder, Role
from sagews.configuration import Configuration
from sagews.errors import SagewsError, SetupError
from sagews.remotelog.setting_up import log_server

site_state = Operations("administration")

PATIENCE_SECONDS = 2.0
"""For the log server."""


class DatabaseState(Schema):
    """The database: how long it took to answer, its size, and whether its tables are those that this backend needs."""

    kind: Literal["postgresql", "sqlite"]
    answered_in_milliseconds: float
    size_bytes: int
    tables: str
    migration_pending: bool


class LogServerState(Schema):
    """The log server. `there`: the site has one (a solo site has none); `answers`: within two seconds."""

    there: bool
    answers: bool
    what: str


class MachineState(Schema):
    """The machine of the backend that answers. `load`: processes that want a processor, over 1, 5 and 15 minutes."""

    host: str
    load: list[float]
    processors: int
    memory_bytes: int
    memory_available_bytes: int
    disk_bytes: int
    disk_free_bytes: int


class MyselfState(Schema):
    """The backend that answers; `certificate_ends`: ISO 8601, null where it has none."""

    id: str
    version: str
    pid: int
    up_seconds: float
    memory_bytes: int
    live_connections: int
    certificate_ends: str | None


class SiteState(Schema):
    """The site at the moment `at` (Unix time in seconds, by this backend's clock)."""

    at: float
    site: str
    solo: bool
    accounts: int
    myself: MyselfState
    machine: MachineState
    database: DatabaseState
    log_server: LogServerState
    workers: list[AdministratedWorker]
    backends: list[AdministratedBackend]


@site_state.declare("GET", "/api/admin/site", answer=SiteState)
async def show_site(call: Call) -> SiteState:
    """Tell the state of the whole site, as the backend that answers knows it (operator)."""
    call.require_operator()
    configuration = call.backend.configuration
    database = await _database(call)
    log_server, machine = await asyncio.gather(_log_server(configuration), asyncio.to_thread(_machine, configuration))
    return SiteState(
        at=time.time(),
        site=configuration.site.name,
        solo=configuration.is_solo,
        accounts=await call.backend.store.people.count(),
        myself=_myself(call),
        machine=machine,
        database=database,
        log_server=log_server,
        workers=await workers_of(call),
        backends=await backends_of(call),
    )


def certificate_ends(configuration: Configuration) -> float | None:
    """When this machine's certificate of backends ends (Unix time in seconds), None where there is none."""
    with suppress(SetupError):
        folder = CertificateFolder(path=configuration.certificate_folder)
        return folder.expires(Role.BACKEND, configuration.host).timestamp()
    return None


async def _database(call: Call) -> DatabaseState:
    store = call.backend.store
    began = time.perf_counter()
    await store.check()
    took = time.perf_counter() - began
    found = await store.facts()
    return DatabaseState(
        kind="sqlite" if found.kind == "sqlite" else "postgresql",
        answered_in_milliseconds=round(1000 * took, 2),
        size_bytes=found.size_bytes,
        tables=found.tables,
        migration_pending=found.tables != found.needed,
    )


async def _log_server(configuration: Configuration) -> LogServerState:
    if configuration.is_solo:
        return LogServerState(there=False, answers=False, what="A solo site has no log server.")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.to_thread(_greet_log_server, configuration)
    except (OSError, SagewsError) as error:
        what = error.what if isinstance(error, SagewsError) else str(error) or "It does not answer."
        return LogServerState(there=True, answers=False, what=what)
    return LogServerState(there=True, answers=True, what="")


def _greet_log_server(configuration: Configuration) -> None:
    log_server(configuration, Role.BACKEND).close()


def _machine(configuration: Configuration) -> MachineState:
    memory = psutil.virtual_memory()
    disk = shutil.disk_usage(configuration.data_folder)
    return MachineState(
        host=configuration.host,
        load=[round(one, 2) for one in os.getloadavg()],
        processors=os.cpu_count() or 1,
        memory_bytes=memory.total,
        memory_available_bytes=memory.available,
        disk_bytes=disk.total,
        disk_free_bytes=disk.free,
    )


def _myself(call: Call) -> MyselfState:
    process = psutil.Process()
    ends = certificate_ends(call.backend.configuration)
    return MyselfState(
        id=call.backend.registration.myself.id,
        version=sagews.__version__,
        pid=process.pid,
        up_seconds=round(time.time() - process.create_time(), 1),
        memory_bytes=process.memory_info().rss,
        live_connections=len(call.backend.connections),
        certificate_ends=None if ends is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)),
    )
