"""A backend as a process of its own: its files, its end, its death."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from sagews.backend import background
from sagews.backend.housekeeping import keep_house
from sagews.database.choices import TokenKind
from tests.integration.backend.running import Program, Site
from tests.integration.backend.talk import Http, Talk
from tests.waiting import eventually


@pytest.fixture
async def backend(folder: Path) -> AsyncIterator[Program]:
    """A backend that a test starts, ends and starts again; none is left behind."""
    program = Program("sagews.backend", folder)
    yield program
    await program.kill()


def status(folder: Path) -> dict[str, int]:
    """What the backend says about itself."""
    return dict(json.loads((folder / "data" / "run" / "backend.0" / "status.json").read_text()))


async def started(program: Program) -> tuple[str, str]:
    """Start a backend; returns its address and its sign-in token."""
    folder = program.folder

    def is_ready() -> bool:
        assert program.process is not None
        path = folder / "data" / "run" / "backend.0" / "status.json"
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


EXPIRE = "UPDATE tokens SET expires = datetime('now', '-100 days') WHERE kind = 'cookie'"


def cookies(folder: Path) -> int:
    """How many cookies the database has."""
    with contextlib.closing(sqlite3.connect(folder / "data" / "sagews.sqlite")) as database:
        [[number]] = database.execute("SELECT count(*) FROM tokens WHERE kind = 'cookie'")
    return int(number)


async def test_its_start_forgets_cookies_that_are_over_and_keeps_the_others(folder: Path, backend: Program) -> None:
    address, token = await started(backend)
    await Http(address)("GET", f"/sign-in?token={token}")
    await backend.kill(signal.SIGTERM)
    with contextlib.closing(sqlite3.connect(folder / "data" / "sagews.sqlite", isolation_level=None)) as database:
        assert database.execute(EXPIRE).rowcount == 1
    address, token = await started(backend)
    await eventually(lambda: cookies(folder) == 0)
    await Http(address)("GET", f"/sign-in?token={token}")
    await backend.kill(signal.SIGTERM)
    await started(backend)
    await eventually(lambda: "tokens_forgotten" in backend.log.read_text())
    assert cookies(folder) == 1
    await backend.kill(signal.SIGTERM)


async def test_cookies_are_forgotten_again_and_again(site: Site) -> None:
    store = site.backend.store
    account = await site.backend.identity.solo_account()
    keeping = background.start(
        keep_house(store, site.backend.folders, timedelta(days=1), timedelta(milliseconds=1)), "housekeeping"
    )
    for _ in range(3):
        await store.tokens.create(account.id, TokenKind.COOKIE, lifetime=timedelta(days=-100))
        await eventually(lambda: cookies(site.folder) == 0)
    await background.stop(keeping)
