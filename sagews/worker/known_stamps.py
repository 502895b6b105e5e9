"""KnownStamps: remembers on disk which files of a workspace are as its newest version has them.

Without it, every file would be read again when a workspace is opened where it was before. Invariant: what does not
belong to exactly this version, or cannot be read, is as if nothing were known.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from sagews.worker.kept_files import Stamp

log = logging.getLogger(__name__)

Stamps = dict[str, Stamp | None]


class KnownStamps:
    """Of one workspace, in a file out of reach of its sessions."""

    def __init__(self, path: Path) -> None:
        """:param path: of the file; it need not exist."""
        self._path = path

    def read(self, version: str) -> Stamps | None:
        """The stamps that files had when this version was made; None = not known."""
        try:
            known = json.loads(self._path.read_text())
            if known["version"] != version:
                return None
            return {path: None if stamp is None else _stamp(stamp) for path, stamp in known["stamps"].items()}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.info("Stamps are unknown", extra={"action": "stamps_unknown", "error": str(error)})
            return None

    def write(self, version: str, stamps: Stamps) -> None:
        """Remember them; where the disk cannot, nothing is known later."""
        part = self._path.with_suffix(".part")
        try:
            part.write_text(json.dumps({"version": version, "stamps": stamps}))
            part.replace(self._path)
        except OSError as error:
            log.info("Stamps not kept", extra={"action": "stamps_not_kept", "error": str(error)})


def _stamp(parts: list[int]) -> Stamp:
    inode, size, modified, changed, mode = parts
    return (inode, size, modified, changed, mode)
