"""`sagews eval` while parts of the site are killed: a dead backend costs nothing, a dead worker is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.acceptance.program import WITHOUT_SAGE, SiteProgram, environment

LINES = 30
CODE = """
import os, time
for number in range(30):
    print(number, flush=True)
    while number == 5 and not os.path.exists({go_on!r}): time.sleep(0.05)
"""
SECONDS = 60


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProgram]:
    folder = tmp_path_factory.mktemp("eval")
    program = SiteProgram(folder, f'{WITHOUT_SAGE}\n[worker]\nshown_folders = ["{folder}"]\n')
    program.start()
    try:
        yield program
    finally:
        program.stop()


def begin(program: SiteProgram) -> subprocess.Popen[str]:
    """An evaluation that has begun, and waits in the middle for a file."""
    code = CODE.format(go_on=str(program.folder / "go on"))
    process = subprocess.Popen(
        [sys.executable, "-m", "sagews", "eval", "--config", str(program.configuration), code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    # No more than there is is read: `communicate` does not know what waits in the stream's own buffer.
    assert [process.stdout.readline() for _ in range(6)] == [f"{number}\n" for number in range(6)]
    return process


async def test_a_backend_that_dies_costs_nothing(program: SiteProgram) -> None:
    with begin(program) as process:
        backend = program.kill("backend")
        await program.until_again("backend", backend)
        (program.folder / "go on").touch()
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, err) == (0, "")
    assert out == "".join(f"{number}\n" for number in range(6, LINES))


async def test_a_worker_that_dies_is_said(program: SiteProgram) -> None:
    with begin(program) as process:
        worker = program.kill("worker")
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert out == ""
    assert err.startswith("sagews: The session has ended: ")
    assert err.count("\n") == 1
    await program.until_again("worker", worker)
    assert not list((program.data / "worker.0" / "scratch").glob("*"))


async def test_a_site_that_ends_is_said(program: SiteProgram) -> None:
    with begin(program) as process:
        assert program.stop() == 0
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert err == "[the worker was stopped]\n"
