"""A backend as a process of its own: its files, its end, its death."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.backend.running import Program
from tests.integration.backend.talk import Http, Talk


@pytest.fixture
async def backend(folder: Path) -> AsyncIterator[Program]:
    """A backend that a test starts, ends and starts again; none is left behind."""
    program = Program("sagews.backend", folder)
    yield program
    await program.kill()


def status(folder: Path) -> dict[str, int]:
    """What the backend says about itself."""
    return dict(json.loads((folder / "data" / "run" / "backend.json").read_text()))


async def started(program: Program) -> tuple[str, str]:
    """Start a backend; returns its address and its sign-in token."""
    folder = program.folder

    def is_ready() -> bool:
        assert program.process is not None
        path = folder / "data" / "run" / "backend.json"
        return path.exists() and status(folder)["pid"] == program.process.pid

    await program.start(is_ready)
    token = (folder / "data" / "run" / "sign-in-token").read_text()
    return f"http://127.0.0.1:{status(folder)['port']}", token


async def test_sigterm_ends_it_and_its_connections(backend: Program) -> None:
    address, token = await started(backend)
    talk = await Talk.open(address, token)
    await backend.kill(signal.SIGTERM)
    await talk.ended()
    await talk.close()
    assert backend.process is not None
    assert backend.process.returncode == 0
    assert token not in backend.log.read_text()


async def test_after_its_death_the_next_one_is_at_the_same_address(backend: Program) -> None:
    address, token = await started(backend)
    headers = {"Authorization": f"Bearer {token}"}
    workspace = await Http(address, headers).json("POST", "/api/workspaces", {"name": "kept"})
    cookie = (await Http(address)("GET", f"/sign-in?token={token}")).headers["Set-Cookie"].partition(";")[0]
    await backend.kill()
    assert await started(backend) == (address, token)
    assert (await Http(address, {"Cookie": cookie}).json("GET", "/api/workspaces"))["workspaces"] == [workspace]
    await backend.kill(signal.SIGTERM)


@pytest.mark.usefixtures("worker")
async def test_evaluations_outlive_it(backend: Program) -> None:
    address, token = await started(backend)
    talk = await Talk.open(address, token, client="tab")
    http = Http(address, {"Authorization": f"Bearer {token}"})
    workspace = (await http.json("POST", "/api/workspaces", {"name": "W"}))["id"]
    await talk.attach(workspace)
    await talk.evaluate(workspace, "x = 6")
    await backend.kill()
    await talk.ended()
    await talk.close()
    await started(backend)
    again = await Talk.open(address, token, client="tab2")
    attached = await again.attach(workspace, (talk.epoch, max(frame.n for frame in talk.heard)))
    assert attached.epoch == talk.epoch
    assert attached.content.how == "resumed"  # type: ignore[attr-defined]
    assert await again.evaluate(workspace, "print(7 * x)") == "42\n"
    await again.close()
    await backend.kill(signal.SIGTERM)


async def test_its_secrets_are_for_its_owner_only(folder: Path, backend: Program) -> None:
    await started(backend)
    for path in [folder / "data" / "run" / "sign-in-token", folder / "data" / "sagews.sqlite"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "data" / "run").stat().st_mode) == 0o700
    await backend.kill(signal.SIGTERM)
