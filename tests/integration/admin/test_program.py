"""The program as a process."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from sagews.admin.main import main
sys.stdin.read()
sys.exit(main(["config", "reference"]))
"""


def test_reader_that_has_enough_ends_the_program_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_help_imports_nothing_that_takes_long() -> None:
    code = "import sys; from sagews.admin.main import parser; parser().format_help(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {"cryptography", "sqlalchemy", "tornado", "pydantic", "pycrdt", "IPython", "sage", "asyncio"}
    assert slow.isdisjoint(done.stdout.split())
