"""How much of the disk the files below a folder take, links not followed."""

from __future__ import annotations

import errno
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

BLOCK_BYTES = 512
"""Of `st_blocks` (stat(2))."""
BEYOND = 1.5
"""So many times what is allowed is enough to know."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class DiskUsage:
    """What a workspace takes."""

    size_bytes: int = 0
    """Blocks of the disk, so that a file with a hole counts as what it takes."""
    files: int = 0
    """Files and folders: what the file system has inodes for."""


def disk_usage(top: Path, enough: DiskUsage) -> DiskUsage:
    """Count what is below `top`. Takes time: about 2 microseconds a file.

    :param enough: what may be there (0 = any); counting stops where there is much more than that. A folder that lies
        too deep to be opened, or is closed to us by others than its owner, counts as too much: nothing can be hidden
        in it. One that its owner, who we are, has closed is opened again.
    """
    count = _Count(enough)
    waiting = [top]
    while waiting and not count.is_enough:
        folder = waiting.pop()
        try:
            try:
                waiting += count.folder(folder)
            except PermissionError:
                _open_again(folder)
                waiting += count.folder(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue  # it was deleted, or has become something else
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM):
                return _too_much(count, enough)
            log.info("Folder not counted", extra={"action": "folder_not_counted", "error": error.strerror})
    return DiskUsage(count.size_bytes, count.files)


def _open_again(folder: Path) -> None:
    """Let its owner look into it; a link is not followed.

    :raises PermissionError: it is another user's.
    """
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        Path(f"/proc/self/fd/{descriptor}").chmod(mode | stat.S_IRWXU)
    finally:
        os.close(descriptor)


def _too_much(count: _Count, enough: DiskUsage) -> DiskUsage:
    """More than what is enough: of files, or where any number may be there, of bytes."""
    if enough.files:
        return DiskUsage(count.size_bytes, max(count.files, int(BEYOND * enough.files)))
    return DiskUsage(max(count.size_bytes, int(BEYOND * enough.size_bytes)), count.files)


class _Count:
    def __init__(self, enough: DiskUsage) -> None:
        self.size_bytes = 0
        self.files = 0
        self._enough = enough
        self._linked: set[tuple[int, int]] = set()
        """Files with several names that have been counted."""

    @property
    def is_enough(self) -> bool:
        most = self._enough
        return _beyond(self.size_bytes, most.size_bytes) or _beyond(self.files, most.files)

    def folder(self, path: Path) -> list[Path]:
        """Count what is in a folder; returns the folders in it."""
        inner: list[Path] = []
        descriptor = os.open(path, _FOLDER)
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if self.is_enough:
                        break
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    self._add(found)
                    if stat.S_ISDIR(found.st_mode):
                        inner.append(path / entry.name)
        finally:
            os.close(descriptor)
        return inner

    def _add(self, found: os.stat_result) -> None:
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            key = (found.st_dev, found.st_ino)
            if key in self._linked:
                return
            self._linked.add(key)
        self.files += 1
        self.size_bytes += found.st_blocks * BLOCK_BYTES


def _beyond(used: int, allowed: int) -> bool:
    return allowed > 0 and used > BEYOND * allowed
