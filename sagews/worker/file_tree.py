"""FileTree: reads and writes the files of a workspace's folder as versions have them.

Invariant: whatever the folder has in it, and whatever a version says, nothing outside of the folder is read or
written: each step is taken by descriptor and never through a link (openat(2), O_NOFOLLOW).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sagews.worker.files import PART
from sagews.worker.kept_files import LeftOut, leads_out, unfit
from sagews.workspace.contents import StoredFile

LINK = "120000"
PROGRAM = "100755"
PLAIN = ("100644", "100664", PROGRAM)
LONGEST_LINK = 4096

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Readable(Protocol):
    """What a file is filled from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


class FileTree:
    """Below one folder, which itself is trusted."""

    def __init__(self, top: Path) -> None:
        """:param top: nothing in it is trusted."""
        self._top = top

    def open(self, path: str) -> int:
        """A descriptor of a regular file, or of nothing that can be read. Raises OSError where there is none."""
        with self._parent(path) as (folder, name):
            descriptor = os.open(name, _READ, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, "is no file any more", path)
        return descriptor

    def link(self, path: str) -> bytes:
        """Where a link leads. Raises OSError where there is none."""
        with self._parent(path) as (folder, name):
            return os.fsencode(os.readlink(name, dir_fd=folder))

    def put(self, file: StoredFile, content: Readable) -> None:
        """Make it be there, with this content. Raises OSError where the disk cannot."""
        part = f"{PART}{secrets.token_hex(8)}"
        with self._parent(file.path, make=True) as (folder, name):
            try:
                if file.mode == LINK:
                    os.symlink(content.read(LONGEST_LINK), part, dir_fd=folder)
                else:
                    _write(part, folder, file, content)
                _make_way(folder, name)
                os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=folder)
                raise

    def make_way(self, path: str, *, is_new: bool) -> list[str]:
        """Give other names to what is in the way of a file of a version, and is in no version itself.

        Such things are too large, or cannot be read, or are in folders that are not kept.

        :param is_new: the newest version has no such file, so what is there is not in it.
        :returns: where they are now. Raises OSError where the disk cannot.
        """
        moved, steps = [], path.split("/")
        for folder in ("/".join(steps[:count]) for count in range(1, len(steps))):
            found = self._look(folder)
            if found is not None and not stat.S_ISDIR(found.st_mode):
                moved.append(self._put_aside(folder))
        found = self._look(path)
        if found is not None and (is_new or stat.S_ISDIR(found.st_mode)):
            moved.append(self._put_aside(path))
        return moved

    def _look(self, path: str) -> os.stat_result | None:
        try:
            with self._parent(path) as (folder, name):
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link stands where there should be a folder
                return None
            raise

    def _put_aside(self, path: str) -> str:
        stem, dot, ending = path.rpartition("/")[2].rpartition(".")
        mark = secrets.token_hex(4)
        # Cut, so that it is no longer than a name may be.
        new = f"{stem[:40]}-{mark}{dot}{ending[:8]}" if stem else f"{dot}{ending[:40]}-{mark}"
        with self._parent(path) as (folder, name):
            os.rename(name, new, src_dir_fd=folder, dst_dir_fd=folder)
        return path[: len(path) - len(name)] + new

    def delete(self, path: str) -> None:
        """Make it be gone, and the folders that have nothing in them then."""
        *folders, _ = path.split("/")
        try:
            with self._parent(path) as (folder, name):
                os.unlink(name, dir_fd=folder)
            while folders:
                with self._parent("/".join(folders)) as (folder, name):
                    os.rmdir(name, dir_fd=folder)
                folders.pop()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.ELOOP, errno.EISDIR):
                raise

    @contextlib.contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        *folders, name = path.split("/")
        descriptor = os.open(self._top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in folders:
                if make:
                    _make_folder(descriptor, step)
                inner = os.open(step, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor, name
        finally:
            os.close(descriptor)


def fitting(files: tuple[StoredFile, ...], bytes_together: int) -> tuple[list[StoredFile], list[LeftOut]]:
    """Those of a version's files that may be in a workspace, and those that may not.

    A version that came from elsewhere can name anything; a link's goal is checked when it is read.
    """
    good: list[StoredFile] = []
    left_out: list[LeftOut] = []
    for file in sorted(files, key=lambda file: (file.size, file.path)):
        why = next(filter(None, map(unfit, file.path.split("/"))), "")
        if file.mode not in (*PLAIN, LINK):
            why = "is no file"
        elif file.size > (LONGEST_LINK if file.mode == LINK else bytes_together):
            why = "is too large for the workspace"
        if why:
            left_out.append(LeftOut(file.path, why))
        else:
            good.append(file)
            bytes_together -= file.size
    return sorted(good, key=lambda file: file.path), left_out


def is_bad_link(file: StoredFile, goal: bytes) -> bool:
    """Whether a version's link leads, or may lead, out of the workspace."""
    return b"\0" in goal or leads_out(file.path, os.fsdecode(goal))


def _write(part: str, folder: int, file: StoredFile, content: Readable) -> None:
    descriptor = os.open(part, _NEW, 0o755 if file.mode == PROGRAM else 0o644, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as target:
        while piece := content.read(1 << 18):
            target.write(piece)


def _make_folder(folder: int, name: str) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=folder)
            os.mkdir(name, 0o755, dir_fd=folder)


def _make_way(folder: int, name: str) -> None:
    """A folder cannot be replaced by a file; the versions have what was in it."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=folder)
