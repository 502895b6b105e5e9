"""A program that `sagews run` keeps alive."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagews.admin.child import Child
from tests.waiting import eventually, eventually_sync

PROGRAM = """
import pathlib, signal, sys, time
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
pathlib.Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
while True:
    time.sleep(3600)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "kept_program.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "kept_program"


def _child(module: str, folder: Path, *options: str, said: list[str]) -> Child:
    arguments = (str(folder / "pid"), *options)
    return Child("thing", module, arguments, os.environ, folder / "thing.log", said.append)


def _pid(folder: Path) -> int:
    path = folder / "pid"
    return int(path.read_text() or 0) if path.exists() else 0


def _runs(pid: int) -> bool:
    """A zombie does not: whoever inherited it (this process, after some other tests) may reap it late."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_a_child_that_dies_is_started_again_and_it_is_said(module: str, tmp_path: Path) -> None:
    said: list[str] = []
    child = _child(module, tmp_path, said=said)
    keeping = asyncio.create_task(child.keep())
    first = await eventually(lambda: _pid(tmp_path))
    os.kill(first, signal.SIGKILL)
    second = await eventually(lambda: _pid(tmp_path) not in (0, first) and _pid(tmp_path))
    assert child.pid == second
    assert child.deaths == 1
    assert "The thing was killed by SIGKILL; starting it again" in said[0]
    assert str(tmp_path / "thing.log") in said[0]
    await child.stop(5)
    await keeping
    assert not Path(f"/proc/{second}").exists()
    assert child.last_lines() == "started\nstarted"


async def test_a_child_that_is_stopped_while_it_starts_ends(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()
    spawn = asyncio.create_subprocess_exec

    async def noticed(*command: str, **how: Any) -> asyncio.subprocess.Process:
        begun.set()
        return await spawn(*command, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noticed)
    child = _child(module, tmp_path, said=[])
    keeping = asyncio.create_task(child.keep())
    await begun.wait()
    await child.stop(5)
    await asyncio.wait_for(keeping, 10)
    assert not child.pid


async def test_a_child_that_does_not_end_is_killed_and_it_is_said(module: str, tmp_path: Path) -> None:
    said: list[str] = []
    child = _child(module, tmp_path, "stubborn", said=said)
    keeping = asyncio.create_task(child.keep())
    pid = await eventually(lambda: _pid(tmp_path))
    await child.stop(0.1)
    await keeping
    assert not Path(f"/proc/{pid}").exists()
    assert "did not end within 0.1 s and was killed" in said[0]


async def test_a_child_that_is_stopped_while_it_waits_to_be_started_stays_away(tmp_path: Path) -> None:
    said: list[str] = []
    child = Child("thing", "no_such_module_of_ours", (), os.environ, tmp_path / "thing.log", said.append)
    keeping = asyncio.create_task(child.keep())
    await eventually(lambda: child.deaths > 0)
    await child.stop(5)
    await keeping
    assert child.pid == 0
    assert "ended with status 1" in said[0]
    assert "no_such_module_of_ours" in child.last_lines()


def test_a_child_ends_with_the_program_that_keeps_it(module: str, tmp_path: Path) -> None:
    keeper = f"""
import asyncio, os, pathlib
from sagews.admin.child import Child
folder = pathlib.Path({str(tmp_path)!r})
asyncio.run(Child("thing", {module!r}, (str(folder / "pid"),), os.environ, folder / "thing.log", print).keep())
"""
    environ = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    with subprocess.Popen([sys.executable, "-c", keeper], env=environ) as process:
        pid = eventually_sync(lambda: _pid(tmp_path))
        process.kill()
    eventually_sync(lambda: not _runs(pid))


async def test_a_log_that_has_grown_too_large_is_set_aside(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sagews.admin.child.LOG_BYTES", 10)
    (tmp_path / "thing.log").write_text("an older log\n")
    child = _child(module, tmp_path, said=[])
    keeping = asyncio.create_task(child.keep())
    await eventually(lambda: _pid(tmp_path))
    await child.stop(5)
    await keeping
    assert (tmp_path / "thing.log.old").read_text() == "an older log\n"
    assert child.last_lines() == "started"
