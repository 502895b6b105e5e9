"""What tests of the backend get: a site's folder, a backend, a worker process (environment `python`)."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sagews.configuration import load
from tests.integration.backend.running import CONFIGURATION, Program, Site, running_backend
from tests.integration.backend.scripted_worker import ScriptedWorker
from tests.waiting import eventually


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site's folder, with its configuration and a page."""
    (tmp_path / "sagews.toml").write_text(CONFIGURATION)
    client = tmp_path / "client"
    client.mkdir()
    (client / "index.html").write_text("<!doctype html><title>Sage Workspaces</title>")
    (client / "frame.html").write_text("<!doctype html><title>frame</title>")
    (client / "app-1A2B3C4D.js").write_text("export {};")
    (client / "sockjs.min.js").write_text("")
    (client / ".secret").write_text("nobody's business")
    return tmp_path


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Site]:
    """A backend without a worker."""
    async with running_backend(folder) as running:
        yield running


@pytest.fixture
async def worker(folder: Path) -> AsyncIterator[Program]:
    """A worker, in a process of its own."""
    program = Program("sagews.worker", folder)
    await program.start((folder / "data" / "run" / "worker.0" / "status.json").exists)
    yield program
    await program.kill(signal.SIGTERM)


@pytest.fixture
async def working_site(folder: Path, worker: Program) -> AsyncIterator[Site]:
    """A backend with a worker."""
    async with running_backend(folder) as running:
        await eventually(lambda: running.backend.workers.workers[0].connected)
        yield running


@pytest.fixture
async def scripted(folder: Path) -> AsyncIterator[ScriptedWorker]:
    """The worker."""
    async with ScriptedWorker(load(folder / "sagews.toml", {})) as worker:
        yield worker


@pytest.fixture
async def kept_site(folder: Path, scripted: ScriptedWorker) -> AsyncIterator[Site]:
    """A backend with the scripted worker."""
    async with running_backend(folder) as site:
        await eventually(lambda: site.backend.workers.workers[0].connected)
        yield site


@pytest.fixture
async def workspace(kept_site: Site) -> str:
    """A workspace."""
    return await kept_site.workspace()
