"""Runs the log server: makes its parts, serves, and stops when it is told to.

Invariant: a signal only sets an event or has certificates and log level read anew; the loop acts.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sagews.certificates import Role, identity_of, server_context
from sagews.component.instance import listening_place
from sagews.component.reloading import Reloading
from sagews.configuration import Configuration
from sagews.configuration.run_files import make_folder, tell_status
from sagews.database.access import engine_for
from sagews.database.clock import utc_now
from sagews.database.store import Store
from sagews.database.uses import Use
from sagews.logserver.figures import Figures
from sagews.logserver.receiver import Bounds, Receiver
from sagews.logserver.retention import Retention
from sagews.logserver.writer import Writer
from sagews.monitoring import CertificateEnd, Monitoring
from sagews.remotelog import RemoteLog

log = logging.getLogger(__name__)

DATABASE_CONNECTIONS = 2
"""One writes, one deletes what is old."""
MIB = 1024 * 1024


async def run(configuration: Configuration, number: int, remote: RemoteLog, file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP: see `Reloading`.

    :param file: where the configuration is from.

    :raises SetupError: an address is taken, or a certificate cannot be used.
    """
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    make_folder(configuration.run_folder_of("logserver", number))
    store = Store(engine_for(configuration, Use.LOGSERVER, connections=DATABASE_CONNECTIONS))
    try:
        await serve(configuration, number, store, stop, remote, Reloading(configuration, file, Role.LOGSERVER))
    finally:
        await store.close()


async def serve(
    configuration: Configuration,
    number: int,
    store: Store,
    stop: asyncio.Event,
    remote: RemoteLog,
    reloading: Reloading,
) -> None:
    """Serve until the event."""
    chosen, figures = configuration.logserver, Figures()
    writer = Writer(store.log, figures)
    bounds = Bounds(connections=chosen.maximum_connections, silence_seconds=chosen.silence_seconds)
    receiver = Receiver(writer, figures, bounds)
    figures.registry.register(CertificateEnd(configuration, Role.LOGSERVER))
    monitoring = Monitoring(figures.registry, lambda: {"database": figures.database_answers})
    keep = Retention(
        store=store.log,
        figures=figures,
        clock=utc_now,
        keep=timedelta(days=chosen.keep_days),
        keep_bytes=chosen.keep_megabytes * MIB,
    )
    tasks = [asyncio.create_task(writer.run()), asyncio.create_task(keep.run())]
    status = configuration.status_file("logserver", number)
    try:
        ports = await _listen(configuration, number, receiver, monitoring, reloading)
        tell_status(status, **ports)
        remote.ship()
        log.info("Log server is ready", extra={"action": "log_server_ready", **ports})
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        log.info("Log server stops", extra={"action": "log_server_stops"})
    finally:
        status.unlink(missing_ok=True)
        await asyncio.to_thread(remote.close)  # its own last words, to itself
        await receiver.close()
        await monitoring.close()
        await _end(tasks)


async def _listen(
    configuration: Configuration, number: int, receiver: Receiver, monitoring: Monitoring, reloading: Reloading
) -> dict[str, int]:
    context = server_context(identity_of(configuration, Role.LOGSERVER))
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloading.take, context)
    address, port = listening_place(configuration, "logserver", number)
    return {
        "port": await receiver.listen(address, port, context),
        "monitoring_port": await monitoring.listen(address, configuration.logserver.monitoring_port, context),
    }


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
