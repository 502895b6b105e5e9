"""Runs one backend: makes its collaborators, serves, and drains when it is told to stop.

Invariant: a signal only sets an event or has certificates and log level read anew; the loop then takes no new
connection, ends the live ones (their clients come back elsewhere), closes what is left and returns.

In a site the database may be away when a backend starts: it serves without it, says so in `/healthz`, and waits. It
never changes the tables; `sagews` does that.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from sagews.backend import background
from sagews.backend.application import make_server
from sagews.backend.collaborators import Backend
from sagews.backend.housekeeping import keep_house
from sagews.backend.making import make_backend
from sagews.certificates import Role, identity_of, server_context
from sagews.component.instance import listening_place
from sagews.component.reloading import Reloading
from sagews.configuration import Configuration
from sagews.configuration.run_files import make_folder, read_status, tell_status
from sagews.database.access import cache_for, engine_for
from sagews.database.migration import migrate, require_current
from sagews.database.store import Store
from sagews.database.uses import Use
from sagews.errors import DatabaseUnavailable, SetupError

log = logging.getLogger(__name__)

DRAIN_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
"""Between two looks for a database that is away."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run(
    configuration: Configuration,
    client_folder: Path,
    listener: socket.socket | None = None,
    *,
    number: int = 0,
    file: Path | None = None,
) -> None:
    """Serve as backend ``number`` of the site until SIGTERM or SIGINT.

    :param client_folder: the browser's files.
    :param listener: where connections come in; None = listen at the configured address.
    :param file: where the configuration is from.
    :raises SetupError: the address is taken, a folder cannot be written, or (in a site) the tables are of another
        version.
    :raises DatabaseUnavailable: in the solo profile, the database cannot be used.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for signal_number in SIGNALS:
        loop.add_signal_handler(signal_number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    make_folder(configuration.run_folder_of("backend", number))
    tls = None if configuration.is_solo else server_context(identity_of(configuration, Role.BACKEND))
    if tls is not None:
        loop.add_signal_handler(signal.SIGHUP, Reloading(configuration, file, Role.BACKEND).take, tls)
    engine = engine_for(configuration, Use.BACKEND)
    store = Store(engine, cache=cache_for(configuration))
    try:
        if configuration.is_solo:
            await migrate(engine)
        sockets = listen(configuration, number) if listener is None else [listener]
        backend = make_backend(configuration, store, client_folder, port=port_of(sockets), number=number)
        if configuration.is_solo:
            await backend.identity.solo_account()
        await serve(backend, sockets, stop, number=number, tls=tls, engine=engine)
    finally:
        await store.close()


async def serve(
    backend: Backend,
    sockets: list[socket.socket],
    stop: asyncio.Event,
    *,
    number: int,
    tls: ssl.SSLContext | None,
    engine: AsyncEngine,
) -> None:
    """Serve on the sockets until the event; then drain.

    While it serves, ``status.json`` in its run folder has its pid, address and port.

    :raises SetupError: the tables of the database are of another version.
    """
    server = make_server(backend, tls)
    server.add_sockets(sockets)
    address, port = sockets[0].getsockname()[:2]
    tell_status(backend.configuration.status_file("backend", number), address=address, port=port)
    log.info("Backend ready", extra={"action": "backend_ready", "port": port})
    waiting = asyncio.create_task(_begin(backend, engine))
    stopping = asyncio.create_task(stop.wait())
    keeping: asyncio.Task[None] | None = None
    try:
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            await waiting
            keep_deleted = timedelta(days=backend.configuration.backend.keep_deleted_days)
            keeping = background.start(keep_house(backend.store, backend.folders, keep_deleted), "housekeeping")
            await stop.wait()
    finally:
        await background.stop(keeping)
        await background.stop(waiting)  # what it would begin later, nobody would stop
        stopping.cancel()
        await drain(backend, server)


async def _begin(backend: Backend, engine: AsyncEngine) -> None:
    """Connect to the workers; take part as soon as the database is there."""
    backend.workers.start()
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await require_current(engine)
            break
        except DatabaseUnavailable as error:
            if pause == FIRST_PAUSE_SECONDS:
                log.warning("Database awaited", extra={"action": "database_awaited", "what": error.what})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    backend.start()


async def drain(backend: Backend, server: HTTPServer) -> None:
    """Stop without losing anything; takes at most a few seconds."""
    log.info("Backend stops", extra={"action": "backend_stops"})
    server.stop()
    await backend.registration.begin_draining()
    await backend.connections.close_all(code=3001, reason="This backend stops; connect again.")
    try:
        await asyncio.wait_for(server.close_all_connections(), DRAIN_SECONDS)
    except TimeoutError:
        log.warning("Connections cut", extra={"action": "connections_cut"})
    await backend.stop()


def listen(configuration: Configuration, number: int = 0) -> list[socket.socket]:
    """Sockets at the configured address. Where any port will do, the one that the last backend had, if it is free.

    :raises SetupError: the address is taken.
    """
    address, configured = listening_place(configuration, "backend", number)
    port = configured or last_port(configuration, number)
    try:
        return bind_sockets(port, address)
    except OSError as error:
        if not configured and port:
            return bind_sockets(0, address)
        raise SetupError(
            f"Cannot listen on {address} port {port}: {error.strerror}.",
            mend="Stop what uses it, or choose another port (backend.port).",
        ) from error


def port_of(sockets: list[socket.socket]) -> int:
    """Where they listen."""
    return int(sockets[0].getsockname()[1])


def last_port(configuration: Configuration, number: int) -> int:
    """The port in the status file of the last backend; 0 = there is none."""
    port = read_status(configuration.status_file("backend", number)).get("port", 0)
    return port if isinstance(port, int) and 0 < port < 2**16 else 0
