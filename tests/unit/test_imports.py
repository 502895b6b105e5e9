"""Importing a module does nothing: no thread, no child, no socket, no event loop, no file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("import_probe.py")


def modules(*rooms: str) -> list[str]:
    """The names of all modules, or of those in *rooms*."""
    names = []
    for path in sorted((ROOT / "sagews").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        # Migrations are scripts that only Alembic runs, inside its own context.
        if "versions" not in parts and (not rooms or parts[1] in rooms):
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def fresh(*arguments: str, folder: Path) -> str:
    """What a fresh interpreter prints, started with *arguments* in *folder*."""
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.defpath,
        "HOME": str(folder),
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_importing_does_nothing(tmp_path: Path) -> None:
    assert fresh(str(PROBE), "watch", *modules(), folder=tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_each_module_can_be_imported_first(tmp_path: Path) -> None:
    assert fresh(str(PROBE), "each_first", *modules(), folder=tmp_path) == ""


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ("import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "threads"),
        ("open('left-behind', 'w').close()", "open for writing"),
        ("import socket; socket.create_server(('127.0.0.1', 0))", "socket.bind"),
        ("import asyncio; loop = asyncio.new_event_loop()", "left open anon_inode:[eventpoll]"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
    ],
)
def test_the_probe_sees(module: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "culprit.py").write_text(module)
    said = fresh(
        "-c",
        f"import sys; sys.path[:0] = ['', {str(PROBE.parent)!r}]; import import_probe as p; p.watch(['culprit'])",
        folder=tmp_path,
    )
    assert f"culprit: {fault}" in said


def test_what_sessions_import_needs_only_the_standard_library() -> None:
    """Without site-packages (-S) nothing else is there to be imported."""
    names = ", ".join(modules("errors.py", "messages"))
    assert "sagews.messages" in names
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {names}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
