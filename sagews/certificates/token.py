"""The token that a worker wants of its peers, besides their certificate: a secret in a file of its own."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sagews.errors import SetupError

NAME = "worker.token"
BYTES = 32


def worker_token(folder: Path) -> str:
    """The token in this certificate folder; it is made where there is none. Several processes may ask at once.

    :raises SetupError: where it can be neither read nor made.
    """
    path = folder / NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f".{NAME}.{secrets.token_hex(8)}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(BYTES))
        try:
            os.link(part, path)
        except FileExistsError:
            pass  # somebody was faster: theirs counts
        part.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise SetupError(
            f"The worker's token {path} cannot be read: {error.strerror}.",
            mend="Give your user the right to read and write there.",
        ) from error
