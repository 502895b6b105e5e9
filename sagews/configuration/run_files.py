"""Folders and small files by which running components tell others where they are."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagews.errors import SetupError

PUBLIC = 0o644
PRIVATE = 0o600


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, that only their owner may see; those that are there stay as they are.

    :raises SetupError: it cannot be made.
    """
    try:
        for one in (*reversed(folder.absolute().parents), folder):
            one.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"Cannot make the folder {folder}: {error.strerror}.", mend="Choose another data_folder."
        ) from error


def tell_status(path: Path, **status: Any) -> None:
    """Say what this process is and where it answers: its pid, and what is given. Nothing secret: others may read it."""
    tell(path, json.dumps({"pid": os.getpid()} | status), PUBLIC)


def read_status(path: Path) -> Mapping[str, Any]:
    """What the process that wrote a status file said; empty where there is none, or none that can be read."""
    try:
        status = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def tell(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write a file, by default for our own user only: readers see the old text or the new one, never a part.

    It is not forced to the disk: what a running component says is worth nothing after a crash of the machine.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask
        file.write(text)
    part.replace(path)
