"""WrittenDigests: which contents of a document's file are known to be our own.

A file whose content is not among them was changed by somebody else, and the change is taken in as
an edit. Invariant: a digest is on disk before the file that has it, so that no crash makes our own
writing look like theirs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from sagews.errors import Unavailable

KEPT = 3
"""Contents remembered of each document: the one before, the one being written, and one to spare."""


class WrittenDigests:
    """Of one workspace, in a file outside of what sessions can write."""

    def __init__(self, path: Path) -> None:
        """:param path: of the file; it need not exist."""
        self._path = path
        self._digests: dict[str, list[str]] = {}
        if path.is_file():
            self._digests = json.loads(path.read_text())

    def known(self, document: str) -> tuple[str, ...]:
        """SHA-256 (hex) of contents, the latest last."""
        return tuple(self._digests.get(document, ()))

    def add(self, document: str, digest: str) -> None:
        """From now on this content is known; returns when that is on disk.

        :raises Unavailable: where it cannot be written.
        """
        known = [one for one in self._digests.get(document, []) if one != digest]
        self._digests[document] = [*known, digest][-KEPT:]
        self._write()

    def forget(self, document: str) -> None:
        """The document is no more."""
        if self._digests.pop(document, None) is not None:
            self._write()

    def _write(self) -> None:
        part = self._path.with_suffix(".part")
        try:
            with part.open("w") as file:
                json.dump(self._digests, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            raise Unavailable(f"The worker's disk cannot be written ({error.strerror}).") from error
