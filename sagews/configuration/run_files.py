"""Small files in the run folder by which running components tell others where they are."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def tell(path: Path, text: str) -> None:
    """Write a file for our own user only: readers see the old text or the new one, never a part.

    It is not forced to the disk: what a running component says is worth nothing after a crash of the machine.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
