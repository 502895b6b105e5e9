"""Importing a module does nothing: no thread, no child, no socket, no event loop, no file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Runs in a fresh process: an audit hook sees what the interpreter itself does for the
# module (PEP 578), so nothing is missed that is undone before the import ends.
PROBE = """
import importlib, sys, threading
import os

module = sys.argv[1]
forbidden = {"socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.mkdir", "os.remove"}
happened = []

def hook(event, args):
    if event in forbidden:
        happened.append(f"{event} {args!r}")
    elif event == "open" and isinstance(args[0], (str, bytes)) and isinstance(args[2], int):
        if args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and os.fsdecode(args[0]) != os.devnull:
            happened.append(f"open for writing {args[0]!r}")

sys.addaudithook(hook)
importlib.import_module(module)
if threading.active_count() != 1 or len(os.listdir("/proc/self/task")) != 1:
    happened.append(f"threads {threading.enumerate()!r}, {len(os.listdir('/proc/self/task'))} of the system")
if "asyncio" in sys.modules:
    import asyncio
    try:
        loop = asyncio.get_event_loop_policy()._local._loop
    except AttributeError:
        loop = None
    if loop is not None:
        happened.append(f"event loop {loop!r}")
for line in happened:
    print(line)
"""


def modules() -> list[str]:
    names = []
    for path in sorted((ROOT / "sagews").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        # Migrations are scripts that only Alembic runs, inside its own context.
        if "migrations" in parts:
            continue
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def probe(module: str, folder: Path) -> str:
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.defpath,
        "HOME": str(folder),
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE, module], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("module", modules())
def test_importing_does_nothing(module: str, tmp_path: Path) -> None:
    assert probe(module, tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", [name for name in modules() if name.split(".")[1:2] in (["errors"], ["messages"])])
def test_what_sessions_import_needs_only_the_standard_library(module: str) -> None:
    """Without site-packages (-S) nothing else is there to be imported."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
