"""The token that a worker wants of its peers, besides their certificate: a secret in a file of its own."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sagews.errors import SetupError

NAME = "worker.token"
BYTES = 32


def new_token() -> str:
    """A secret that nobody guesses."""
    return secrets.token_hex(BYTES)


def read_token(path: Path) -> str:
    """The token in a file.

    :raises SetupError: where it cannot be read.
    """
    try:
        return path.read_text().strip()
    except OSError as error:
        raise SetupError(
            f"The worker's token {path} cannot be read: {error.strerror}.",
            mend="`sagews certs make` makes what is missing.",
        ) from error


def worker_token(folder: Path) -> str:
    """The token in this certificate folder; it is made where there is none. Several processes may ask at once.

    :raises SetupError: where it can be neither read nor made.
    """
    path = folder / NAME
    try:
        if not path.exists():  # what is there is also read on a disk that is full
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
        return path.read_text().strip()
    except OSError as error:
        raise SetupError(
            f"The worker's token {path} cannot be read: {error.strerror}.",
            mend="Give your user the right to read and write there.",
        ) from error


def _make(path: Path) -> None:
    part = path.with_name(f".{NAME}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(new_token())
        os.link(part, path)
    except FileExistsError:
        pass  # somebody was faster: theirs counts
    finally:
        part.unlink(missing_ok=True)
