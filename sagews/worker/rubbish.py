"""Rubbish: folders of the worker that are thrown away: out of the way at once, deleted while others work.

Invariant: what was taken is in nobody's way any more when `take` returns, and gone from the disk sooner or later,
whatever sessions made of it (folders that are closed, or too deep for a path); no link is followed.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "rubbish"


class Rubbish:
    """Of one worker. Nobody else reads or writes in it."""

    def __init__(self, data: Path) -> None:
        """:param data: the worker's own folder."""
        self._folder = data / FOLDER

    def take(self, path: Path) -> bool:
        """Throw a folder away; returns whether there was one.

        :raises OSError: the disk cannot.
        """
        if not path.is_dir():
            return False
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path.rename(self._fresh())
        return True

    def empty(self) -> None:
        """Delete all of it; blocks, and nobody else may do it meanwhile. What cannot be deleted is tried again."""
        if not self._folder.is_dir():
            return
        try:
            while names := os.listdir(self._folder):  # noqa: PTH208 (only names are wanted)
                for name in names:
                    self._take_apart(self._folder / name)
        except OSError as error:
            log.warning("Rubbish stays", extra={"action": "rubbish_stays", "error": str(error)})

    def _take_apart(self, path: Path) -> None:
        """Delete it; the folders in it come to the top, so that no path becomes long."""
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        path.chmod(stat.S_IRWXU)
        with os.scandir(path) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                Path(entry).chmod(stat.S_IRWXU)  # who moves a folder has to be able to write in it
                Path(entry).rename(self._fresh())
            else:
                Path(entry).unlink()
        path.rmdir()

    def _fresh(self) -> Path:
        return self._folder / secrets.token_hex(8)
