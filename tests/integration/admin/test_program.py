"""The program as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_closed_output_is_no_error() -> None:
    command = f"exec '{sys.executable}' -m sagews config example >&-"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_full_disk_is_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sagews", "config", "example"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "sagews: No space left on device. Mend that and try again.\n")
