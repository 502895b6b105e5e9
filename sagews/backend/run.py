"""Runs one backend: makes its collaborators, serves, and drains when it is told to stop.

Invariant: a signal only sets an event; the loop then takes no new connection, ends the live ones (their clients come
back elsewhere), closes what is left and returns.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from sagews.backend.application import make_server
from sagews.backend.collaborators import Backend
from sagews.backend.identity import Identity
from sagews.backend.metrics import Metrics
from sagews.backend.placement import Placement
from sagews.backend.rates import Rate
from sagews.backend.transfers import Transfers
from sagews.backend.worker_connection import WorkerConnection
from sagews.backend.worker_pool import WorkerPool
from sagews.certificates import Role, client_context, ensure
from sagews.certificates.token import worker_token
from sagews.client.worker_link import Connect, WorkerLink, over_tls
from sagews.configuration import Configuration
from sagews.configuration.run_files import tell
from sagews.database.engine import create_engine
from sagews.database.migration import migrate
from sagews.database.store import Store
from sagews.errors import SetupError, WorkerUnavailable

log = logging.getLogger(__name__)

DRAIN_SECONDS = 5.0
STATUS_FILE = "backend.json"
WORKER_STATUS_FILE = "worker.json"
TOKEN_FILE = "sign-in-token"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run(configuration: Configuration, client_folder: Path, listener: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    :param client_folder: the browser's files.
    :param listener: where connections come in; None = listen at the configured address.
    :raises SetupError: the address is taken, or a folder cannot be written.
    :raises DatabaseUnavailable: the database does not answer.
    """
    stop = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    make_folder(configuration.run_folder)
    engine = create_engine(configuration.database_url)
    await migrate(engine)
    store = Store(engine)
    try:
        sockets = listen(configuration) if listener is None else [listener]
        backend = make_backend(configuration, store, client_folder, port=sockets[0].getsockname()[1])
        await backend.identity.solo_account()
        await serve(backend, sockets, stop)
    finally:
        await store.close()


def make_backend(
    configuration: Configuration, store: Store, client_folder: Path, *, port: int, pauses_seconds: Sequence[float] = ()
) -> Backend:
    """A backend with its real collaborators.

    :param port: where it listens; in its cookie's name, because cookies of one host go to every port of it
        (RFC 6265, section 8.5) and would replace those of another site on this machine.
    :param pauses_seconds: see `Placement`; none where this is the only backend.
    """
    metrics = Metrics()
    chosen = configuration.backend
    worker = WorkerConnection(
        "worker-0",
        over_worker_tls(configuration),
        store,
        metrics,
        address=f"{configuration.worker.address}:{configuration.worker.port or 'any port'}",
        token=worker_token(configuration.certificate_folder),
        capacity=configuration.worker.maximum_sessions,
    )
    return Backend(
        configuration=configuration,
        store=store,
        workers=WorkerPool((worker,), Placement(store, metrics, pauses_seconds=pauses_seconds), store, metrics),
        identity=Identity(
            store,
            cookie=f"sagews_{port}",
            cookie_lifetime=timedelta(days=chosen.cookie_days),
            solo_token=sign_in_token(configuration.run_folder),
        ),
        metrics=metrics,
        sign_in_rate=Rate(chosen.rate_limits.sign_in_attempts_per_minute, "attempts to sign in"),
        request_rate=Rate(chosen.rate_limits.requests_per_minute, "requests"),
        transfers=Transfers(chosen.maximum_transfers),
        client_folder=client_folder,
    )


def over_worker_tls(configuration: Configuration) -> Connect:
    """Connect to the worker of this machine, where it listens now and with the certificates of now.

    Both can change between two connections: a worker that is started again may have another port.
    """

    async def connect(make: Callable[[], WorkerLink]) -> WorkerLink:
        identity = ensure(configuration.certificate_folder).identity(Role.BACKEND)
        try:
            port = json.loads((configuration.run_folder / WORKER_STATUS_FILE).read_text())["port"]
        except FileNotFoundError as error:
            raise WorkerUnavailable("No worker has started here yet.") from error
        return await over_tls(configuration.worker.address, port, client_context(identity))(make)

    return connect


async def serve(backend: Backend, sockets: list[socket.socket], stop: asyncio.Event) -> None:
    """Serve on the sockets until the event; then drain."""
    server = make_server(backend)
    backend.workers.start()
    server.add_sockets(sockets)
    write_status(backend.configuration, sockets[0].getsockname()[1])
    log.info("Backend ready", extra={"action": "backend_ready", "port": sockets[0].getsockname()[1]})
    try:
        await stop.wait()
    finally:
        await drain(backend, server)


async def drain(backend: Backend, server: HTTPServer) -> None:
    """Stop without losing anything; takes at most a few seconds."""
    log.info("Backend stops", extra={"action": "backend_stops"})
    server.stop()
    await backend.connections.close_all(code=3001, reason="This backend stops; connect again.")
    try:
        await asyncio.wait_for(server.close_all_connections(), DRAIN_SECONDS)
    except TimeoutError:
        log.warning("Connections cut", extra={"action": "connections_cut"})
    await backend.workers.stop()


def listen(configuration: Configuration) -> list[socket.socket]:
    """Sockets at the configured address. Where any port will do, the one that the last backend had, if it is free.

    :raises SetupError: the address is taken.
    """
    chosen = configuration.backend
    port = chosen.port or last_port(configuration)
    try:
        return bind_sockets(port, chosen.address)
    except OSError as error:
        if not chosen.port and port:
            return bind_sockets(0, chosen.address)
        raise SetupError(
            f"Cannot listen on {chosen.address} port {port}: {error.strerror}.",
            mend="Stop what uses it, or choose another port (backend.port).",
        ) from error


def last_port(configuration: Configuration) -> int:
    """The port in the status file of the last backend; 0 = there is none."""
    try:
        status = json.loads((configuration.run_folder / STATUS_FILE).read_text())
    except (OSError, ValueError):
        return 0
    port = status.get("port", 0) if isinstance(status, dict) else 0
    return port if isinstance(port, int) and 0 < port < 2**16 else 0


def write_status(configuration: Configuration, port: int) -> None:
    """Tell others on this machine where we are: ``run/backend.json`` with pid, address and port."""
    status = {"pid": os.getpid(), "address": configuration.backend.address, "port": port}
    tell(configuration.run_folder / STATUS_FILE, json.dumps(status))


def sign_in_token(folder: Path) -> str:
    """The sign-in token of this run of a solo site: the one that `sagews run` has written, else a new one."""
    path = folder / TOKEN_FILE
    token = path.read_text().strip() if path.exists() else ""
    if not token:
        token = secrets.token_hex(24)
        tell(path, token)
    return token


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may see; repeatable.

    :raises SetupError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"Cannot make the folder {folder}: {error.strerror}.", mend="Choose another data_folder."
        ) from error
