"""The program of a worker: ``python -m sagews.worker --config FILE``.

Invariant: the environments are started before the key and the token are read, so that no session's
memory ever held them. Signal handlers only note.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from sagews import remotelog
from sagews.certificates import Role, ensure, server_context
from sagews.certificates.token import worker_token
from sagews.configuration import Configuration, load
from sagews.configuration.run_files import tell
from sagews.errors import Conflict, SagewsError
from sagews.worker import processes
from sagews.worker.environments import Environments, EnvironmentSettings
from sagews.worker.server import WorkerServer
from sagews.worker.session_process import Patience
from sagews.worker.settings import WorkerSettings
from sagews.worker.workspace_folder import WorkspaceFolder

log = logging.getLogger("sagews.worker")

PR_SET_DUMPABLE = 4


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sagews.worker", description="Run sessions for backends.")
    parser.add_argument("--config", type=Path, help="the site's TOML file; default: all settings at their defaults")
    parsed = parser.parse_args(arguments)
    try:
        configuration = load(parsed.config, os.environ)
        remotelog.configure(configuration.log.level, configuration.log.format)
        asyncio.run(serve(configuration))
    except SagewsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def serve(configuration: Configuration) -> None:
    """Run a worker until a signal says to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    data = configuration.data_folder / "worker"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        _lock(lock.fileno(), data)
        WorkspaceFolder.wipe_scratch(data)
        environments = _environments(configuration, data)
        try:
            if await _unless(stop, environments.start()):
                await _serve(configuration, environments, data, stop)
        finally:
            await environments.stop()


async def _serve(configuration: Configuration, environments: Environments, data: Path, stop: asyncio.Event) -> None:
    processes.control(PR_SET_DUMPABLE, 0)
    folder = ensure(configuration.certificate_folder)
    token = worker_token(configuration.certificate_folder)
    settings = WorkerSettings.from_configuration(configuration.worker)
    server = WorkerServer(data, environments, settings, token)
    server.listen_unix(configuration.worker_socket)
    port = server.listen_tls(
        configuration.worker.address, configuration.worker.port, server_context(folder.identity(Role.WORKER))
    )
    status = configuration.run_folder / "worker.json"
    tell(status, json.dumps({"pid": os.getpid(), "port": port, "socket": str(configuration.worker_socket)}))
    log.info("Worker is ready", extra={"action": "worker_ready", "port": port, "pid": os.getpid()})
    await stop.wait()
    log.info("Worker is stopping", extra={"action": "worker_stopping"})
    status.unlink(missing_ok=True)
    await server.close()
    configuration.worker_socket.unlink(missing_ok=True)


def _environments(configuration: Configuration, data: Path) -> Environments:
    worker = configuration.worker
    enabled = tuple(
        EnvironmentSettings(name, environment.preload_modules, environment.interpreter)
        for name, environment in worker.environments.items()
        if environment.enabled
    )
    patience = Patience(worker.session.interrupt_again_seconds, worker.session.kill_after_seconds)
    return Environments(data, enabled, patience)


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
