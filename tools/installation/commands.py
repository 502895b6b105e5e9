"""Run other programs with their output in a log file, so that ours stays readable."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# What would make pip or Python install or import somewhere else than into our environment.
_MISLEADING = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "__PYVENV_LAUNCHER__",
)

_TICK_SECONDS = 0.5


def clean_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what misleads Python, with *changes*."""
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return kept | dict(changes)


def run_logged(
    command: Sequence[str],
    log: Path,
    *,
    folder: Path,
    changes: Mapping[str, str] | None = None,
    tick: Callable[[], None] = lambda: None,
) -> int:
    """Run *command* in *folder* with its output in *log*, with the environment's *changes*,
    calling *tick* twice a second; return its exit status."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=clean_environment(changes or {}),
        )
        try:
            return _wait(process, tick)
        except BaseException:
            process.terminate()
            process.wait()
            raise


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(timeout=_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            tick()
