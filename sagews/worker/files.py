"""Files: the files of one workspace, reached only from its top folder and never through a link.

Invariant: a program of the user may put links, pipes and devices anywhere; no path given here leaves
the top folder, and only regular files are opened (each step by descriptor with O_NOFOLLOW: openat(2)).
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

from sagews.errors import Conflict, NotFound, SagewsError, TooLarge, Unavailable, UsageError

LONGEST_PATH = 4096
LONGEST_NAME = 255
PART = ".sagews-part-"
"""Begins the name of a file that is not complete yet."""

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""It is the disk that cannot, whatever the path."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def steps_of(path: str) -> list[str]:
    """The names that a path goes through.

    :raises UsageError: where it is not relative, POSIX, without `..`.
    """
    steps = path.split("/")
    good = all(step not in ("", ".", "..") and _size(step) <= LONGEST_NAME for step in steps)
    if not good or "\0" in path or len(path) > LONGEST_PATH or steps[-1].startswith(PART):
        raise UsageError(f"{path[:100]!r} is no path in a workspace.", mend="Give a relative path without `..`.")
    return steps


def _size(name: str) -> int:
    """Of a name, as the file system counts it; what is no Unicode text is no name either."""
    try:
        return len(name.encode())
    except UnicodeEncodeError:
        return LONGEST_NAME + 1


class Files:
    """The files below one folder."""

    def __init__(self, top: Path) -> None:
        """:param top: the folder itself is trusted; nothing in it is."""
        self._top = top

    @contextlib.contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """A descriptor of a folder ("" = the top), for the time of the block.

        :raises NotFound: no such folder.
        """
        with self._folder(steps_of(path) if path else []) as descriptor:
            yield descriptor

    def open_to_read(self, path: str) -> int:
        """A descriptor of a regular file.

        :raises NotFound: there is none; UsageError: it is something else.
        """
        with self._parent(path) as (folder, name), _explained(path):
            descriptor = os.open(name, _READ, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UsageError(f"{path!r} is no file.")
        return descriptor

    def read(self, path: str, maximum: int) -> bytes | None:
        """The whole of a small file; None where there is none.

        :raises TooLarge: it has more than `maximum` bytes; UsageError: it is no file.
        """
        try:
            descriptor = self.open_to_read(path)
        except NotFound:
            return None
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(maximum + 1)
        if len(data) > maximum:
            raise TooLarge(f"{path!r} has more than {maximum} bytes.", mend="Read it in pieces, or in a session.")
        return data

    def write(self, path: str, data: bytes) -> None:
        """Replace a file: another reader, and a crash, sees all of it or the one before."""
        with self.new(path) as file:
            file.write(data)
            file.finish()

    @contextlib.contextmanager
    def new(self, path: str, *, keep: bool = False, durable: bool = True) -> Iterator[NewFile]:
        """A file that takes its place when it is `finish`ed, and is gone otherwise.

        :param keep: what is there already stays, and `finish` raises Conflict.
        :param durable: `finish` returns when it is on disk.
        """
        with self._parent(path, make=True) as (folder, name), _explained(path):
            file = NewFile(folder, name, keep=keep, durable=durable)
            try:
                yield file
            finally:
                file.close()

    def take(self, part: Path, path: str, *, keep: bool = False) -> None:
        """Give a complete file or folder, which lies outside on the same disk, its place here.

        :param keep: what is there already stays.
        :raises Conflict: something is there that stays.
        """
        with self._parent(path, make=True) as (folder, name), _explained(path):
            if keep and _is_there(folder, name):
                raise Conflict(f"There is something at {path!r} already.")
            if keep and not part.is_dir():
                os.link(part, name, dst_dir_fd=folder)  # which never replaces anything
                part.unlink()
            else:
                os.rename(part, name, dst_dir_fd=folder)
            os.fsync(folder)

    def check_new(self, path: str, *, keep: bool) -> None:
        """Look whether a file could be put there, before all of it has come.

        :raises Conflict: a folder is there, or anything where `keep`.
        """
        try:
            with self._parent(path) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (NotFound, FileNotFoundError):
            return
        if stat.S_ISDIR(found.st_mode):
            raise Conflict(f"There is a folder at {path!r}.")
        if keep:
            raise Conflict(f"There is a file at {path!r} already.")

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it."""
        with self._parent(path) as (folder, name), _explained(path):
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def rename(self, path: str, to: str) -> None:
        """Give it another path.

        :raises Conflict: something is there; NotFound: nothing is at `path`.
        """
        if f"{to}/".startswith(f"{path}/"):
            raise UsageError("A folder cannot be moved into itself.")
        with self._parent(path) as (folder, name), self._parent(to, make=True) as (other, new), _explained(path):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            if _is_there(other, new):
                raise Conflict(f"There is something at {to!r} already.")
            os.rename(name, new, src_dir_fd=folder, dst_dir_fd=other)
            os.fsync(other)
            os.fsync(folder)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there stays."""
        with self._folder(steps_of(path), make=True):
            pass

    def exists(self, path: str) -> bool:
        """Whether there is anything at this path."""
        try:
            with self._parent(path) as (folder, name):
                return _is_there(folder, name)
        except NotFound:
            return False

    @contextlib.contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        *folders, name = steps_of(path)
        with self._folder(folders, make=make) as folder:
            yield folder, name

    @contextlib.contextmanager
    def _folder(self, steps: list[str], *, make: bool = False) -> Iterator[int]:
        path = "/".join(steps)
        with _explained(path):
            descriptor = os.open(self._top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with _explained(path):
                for step in steps:
                    if make and not _is_there(descriptor, step):
                        os.mkdir(step, 0o755, dir_fd=descriptor)
                    inner = os.open(step, _FOLDER, dir_fd=descriptor)
                    os.close(descriptor)
                    descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


class NewFile:
    """A file that is being written beside its place."""

    def __init__(self, folder: int, name: str, *, keep: bool = False, durable: bool = True) -> None:
        """:param folder: a descriptor that stays open as long as this."""
        self._folder, self._name, self._keep, self._durable = folder, name, keep, durable
        self._part = f"{PART}{secrets.token_hex(8)}"
        self._descriptor = os.open(self._part, _NEW, 0o644, dir_fd=folder)
        self._finished = False

    def write(self, data: bytes) -> None:
        """Add to it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def finish(self) -> None:
        """Put it in its place, once it is safely on disk."""
        if self._durable:
            os.fsync(self._descriptor)
        if self._keep:
            os.link(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        else:
            os.rename(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._finished = True
        if self._durable:
            os.fsync(self._folder)

    def close(self) -> None:
        """Done with it; what was not finished goes."""
        os.close(self._descriptor)
        if not self._finished:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._part, dir_fd=self._folder)


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn the kernel's answers into our errors."""
    try:
        yield
    except SagewsError:
        raise
    except FileNotFoundError as error:
        raise NotFound(f"There is nothing at {path!r}.") from error
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        raise Conflict(f"{path!r}: something else is in the way ({error.strerror}).") from error
    except OSError as error:
        if error.errno in DISK:
            raise Unavailable(f"{path!r} cannot be written: {error.strerror}.") from error
        raise UsageError(f"{path!r} cannot be used: {error.strerror}.") from error
