"""Environments as the operator declares them: the kind decides what a session is, the name only what it is called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sagews.client.worker import WorkerClient
from tests.integration.workerserver.conftest import start_program, stop_program

ENVIRONMENTS = """
[worker.environments.sage]
kind = "python"
spare_sessions = 0

[worker.environments.python]
enabled = false

[worker.environments.other]
kind = "sage"
interpreter = "{interpreter}"
spare_sessions = 0
"""


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """Another Python, as far as can be seen: it knows that it is one."""
    path = tmp_path / "other-python"
    path.write_text(f'#!/bin/sh\nexport OTHER_PYTHON=yes\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.sage
async def test_the_kind_makes_the_environment_and_the_interpreter_runs_it(tmp_path: Path, interpreter: Path) -> None:
    program = start_program(tmp_path, ENVIRONMENTS.format(interpreter=interpreter))
    try:
        async with WorkerClient.unix(program.socket) as client:
            sage = await client.open_session("other")
            assert (await sage.evaluate("2^10, ZZ")).text == "(1024, Integer Ring)"
            assert (await sage.evaluate("import os; os.environ['OTHER_PYTHON']")).text == "'yes'"
            python = await client.open_session("sage")
            assert (await python.evaluate("2^10")).text == "8"
    finally:
        assert stop_program(program) == 0
