"""Workers to test with: one real process for each test process, and servers with settings of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from sagews.client.worker import WorkerClient
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments
from sagews.worker.server import WorkerServer
from sagews.worker.settings import WorkerSettings
from tests.waiting import eventually_sync


@dataclass
class WorkerProgram:
    """A worker as its own process."""

    process: subprocess.Popen[bytes]
    data: Path

    @property
    def socket(self) -> Path:
        return self.data / "run" / "worker.0" / "socket"

    @property
    def port(self) -> int:
        return int(json.loads(self.status.read_text())["port"])

    @property
    def status(self) -> Path:
        return self.data / "run" / "worker.0" / "status.json"


def start_program(folder: Path, extra: str = "") -> WorkerProgram:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "sagews.toml"
    config.write_text(f'data_folder = "{folder}/data"\n{extra}')
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sagews.worker", "--config", str(config)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
    program = WorkerProgram(process, folder / "data")
    try:
        eventually_sync(
            lambda: (program.data / "run" / "worker.0" / "status.json").exists() or process.poll() is not None,
            within_seconds=60,
        )
        assert process.poll() is None, (folder / "worker.log").read_text()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return program


def stop_program(program: WorkerProgram) -> int:
    program.process.send_signal(signal.SIGTERM)
    return program.process.wait(timeout=30)


@pytest.fixture(scope="session")
def worker_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProgram]:
    """A real worker with both environments, shared by the tests of this process."""
    program = start_program(tmp_path_factory.mktemp("worker"))
    yield program
    stop_program(program)


@pytest_asyncio.fixture
async def worker(worker_program: WorkerProgram) -> AsyncIterator[WorkerClient]:
    """A client of the shared worker."""
    async with WorkerClient.unix(worker_program.socket) as client:
        yield client


@dataclass
class OwnServer:
    """A server in this process, with settings of the test's own."""

    server: WorkerServer
    data: Path

    @property
    def socket(self) -> Path:
        return self.data / "w.sock"


Make = Callable[[WorkerSettings], Awaitable[OwnServer]]


@pytest_asyncio.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[Make]:
    """``await own_server(WorkerSettings(lease_seconds=0.2))``: with the environment `python` only."""

    @asynccontextmanager
    async def served(settings: WorkerSettings) -> AsyncIterator[OwnServer]:
        environments = Environments(tmp_path, (EnvironmentSettings("python", "python", spares=0),))
        server = WorkerServer(tmp_path, environments, settings, "secret")
        try:
            await environments.start()
            server.listen_unix(tmp_path / "w.sock")
            yield OwnServer(server, tmp_path)
        finally:
            await server.close()
            await environments.stop()

    async with AsyncExitStack() as stack:

        async def make(settings: WorkerSettings) -> OwnServer:
            return await stack.enter_async_context(served(settings))

        yield make
