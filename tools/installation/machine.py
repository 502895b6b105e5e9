"""Is this machine fit? Each question is asked before anything is downloaded."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from sagews.errors import SetupError

NEEDED_BYTES = 6 * 10**9


def check_venv() -> None:
    """:raises SetupError: if this Python cannot make virtual environments (Debian packs that apart)."""
    try:
        complete = all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))
    except ImportError:
        complete = False
    if not complete:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise SetupError(
            f"{sys.executable} cannot make virtual environments, for its venv module is not installed.",
            mend=f"Install it (on Debian and Ubuntu: sudo apt install python3-venv {package}) and run the same again.",
        )


def check_disk(folder: Path, needed_bytes: int = NEEDED_BYTES) -> None:
    """:raises SetupError: if the disk that holds *folder* has less than *needed_bytes* free."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise SetupError(
            f"The disk that holds {folder} has {free / 1e9:.1f} GB free, and sagews needs {needed_bytes / 1e9:.0f} GB.",
            mend="Make room, or move this folder to another disk, and run the same again.",
        )


def check_writable(root: Path, state: Path) -> None:
    """Make the folder *state*.

    :raises SetupError: if this user cannot write in *root*.
    """
    try:
        (state / "logs").mkdir(parents=True, exist_ok=True)
        probe = state / f"probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
        if not os.access(root, os.W_OK):
            raise PermissionError(f"no write permission in {root}")
    except OSError as error:
        raise SetupError(
            f"sagews cannot write into its own folder {root} ({error.strerror or error}).",
            mend="Clone it into a folder that is yours, or run this as the user whose folder it is.",
        ) from error
