"""The program of a worker: ``python -m sagews.worker --config FILE --instance N``.

Invariant: the environments are started before the key and the token are read, so that no session's
memory ever held them. Signal handlers only note.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Coroutine
from pathlib import Path

from sagews import remotelog
from sagews.certificates import Role, identity_of, server_context, token_of
from sagews.component.instance import Instance, listening_place, port_of
from sagews.component.reloading import Reloading
from sagews.configuration import Configuration, load
from sagews.configuration.run_files import make_folder, tell_status
from sagews.errors import Conflict, SagewsError
from sagews.monitoring import CertificateEnd, Monitoring
from sagews.remotelog import RemoteLog
from sagews.worker import processes
from sagews.worker.arrivals import Arrivals
from sagews.worker.environments import Environments
from sagews.worker.figures import figures
from sagews.worker.launcher_client import LauncherClient
from sagews.worker.rubbish import Rubbish
from sagews.worker.server import WorkerServer
from sagews.worker.settings import WorkerSettings
from sagews.worker.stop_ladder import Patience
from sagews.worker.wishes import confinement_of, demand, environments_of
from sagews.worker.workspace_folder import WorkspaceFolder

log = logging.getLogger("sagews.worker")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sagews.worker", description="Run sessions for backends.")
    parser.add_argument("--config", type=Path, help="the site's TOML file; default: all settings at their defaults")
    parser.add_argument("--instance", metavar="N", type=int, default=0, help="which worker of the site; default: 0")
    parser.add_argument("--launcher-fd", type=int, help="socket of the launcher, which starts the zygotes")
    parser.add_argument("--launcher-pid", type=int, help="its process id, with which this one ends")
    parsed = parser.parse_args(arguments)
    launcher = None
    if parsed.launcher_fd is not None:
        launcher = socket.socket(fileno=parsed.launcher_fd)
        processes.die_with_parent(signal.SIGTERM, parsed.launcher_pid)
    try:
        configuration = load(parsed.config, os.environ)
        remote = remotelog.start(configuration, "worker", parsed.instance)
        try:
            reloading = Reloading(configuration, parsed.config, Role.WORKER)
            asyncio.run(serve(configuration, reloading, parsed.instance, remote, launcher))
        finally:
            remote.close()
    except SagewsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def serve(
    configuration: Configuration,
    reloading: Reloading,
    number: int = 0,
    remote: RemoteLog | None = None,
    launcher: socket.socket | None = None,
) -> None:
    """Run worker ``number`` of the site until a signal says to stop.

    :param reloading: what SIGHUP does.
    :param remote: its way to the log server, which begins to ship when the environments have started.
    :param launcher: who starts the zygotes; None = this process does.
    """
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _nothing_to_reload)
    data = configuration.state_folder("worker", number)
    make_folder(data)
    make_folder(configuration.run_folder_of("worker", number))
    with (data / "lock").open("w") as lock:
        _lock(lock.fileno(), data)
        WorkspaceFolder.wipe_scratch(data)
        Arrivals.wipe(data)
        Rubbish(data).empty()
        environments = _environments(configuration, data, launcher)
        try:
            if await _unless(stop, environments.start()):
                demand(configuration, environments.present)
                if remote is not None:
                    remote.ship()
                await _serve(configuration, number, environments, stop, reloading)
        finally:
            await environments.stop()


async def _serve(
    configuration: Configuration, number: int, environments: Environments, stop: asyncio.Event, reloading: Reloading
) -> None:
    processes.control(processes.PR_SET_DUMPABLE, 0)
    token = token_of(configuration, Role.WORKER)
    settings = WorkerSettings.from_configuration(configuration.worker)
    server = WorkerServer(configuration.state_folder("worker", number), environments, settings, token)
    unix_socket = configuration.worker_socket(number)
    server.listen_unix(unix_socket)
    address, port = listening_place(configuration, "worker", number)
    context = server_context(identity_of(configuration, Role.WORKER))
    port = server.listen_tls(address, port, context)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloading.take, context)
    monitoring, monitoring_port = await _monitor(configuration, number, server, context)
    status = configuration.status_file("worker", number)
    tell_status(status, port=port, socket=str(unix_socket), monitoring_port=monitoring_port)
    log.info("Worker is ready", extra={"action": "worker_ready", "port": port, "pid": os.getpid()})
    await stop.wait()
    log.info("Worker is stopping", extra={"action": "worker_stopping"})
    status.unlink(missing_ok=True)
    await monitoring.close()
    await server.close()
    unix_socket.unlink(missing_ok=True)


def _nothing_to_reload() -> None:
    """No certificate is read yet."""


async def _monitor(
    configuration: Configuration, number: int, server: WorkerServer, context: ssl.SSLContext
) -> tuple[Monitoring, int]:
    """What tells its figures, and on which port; in the solo profile it does not listen (0)."""
    registry = figures(server.workspaces.room, server.workspaces.tally)
    registry.register(CertificateEnd(configuration, Role.WORKER))
    monitoring = Monitoring(registry, lambda: {"worker": True})
    if configuration.is_solo:
        return monitoring, 0
    instance = Instance("worker", number, configuration.host)
    address = configuration.hosts[instance.host].address
    port = port_of(configuration, instance, "monitoring_port")
    return monitoring, await monitoring.listen(address, port, context)


def _environments(configuration: Configuration, data: Path, launcher: socket.socket | None) -> Environments:
    enabled = environments_of(configuration)
    session = configuration.worker.session
    patience = Patience(session.interrupt_again_seconds, session.kill_after_seconds, session.quit_seconds)
    starter = None if launcher is None else LauncherClient(launcher, enabled)
    return Environments(data, enabled, patience, confinement_of(configuration, os.geteuid()), starter)


def _lock(descriptor: int, data: Path) -> None:
    """One worker for one folder; the lock goes with the process, however it ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(f"Another worker runs in {data}.", mend="Stop it, or use another folder.") from error


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do the work; False where `stop` came first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        stopping.cancel()
        await working
        return True
    working.cancel()
    return False


if __name__ == "__main__":
    sys.exit(main())
