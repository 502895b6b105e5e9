"""Files: the files of one workspace, reached only from its top folder and never through a link.

Invariant: a program of the user may put links, pipes and devices anywhere; no path given here leaves
the top folder, and only regular files are opened (each step by descriptor with O_NOFOLLOW: openat(2)).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sagews.errors import Conflict, NotFound, OverLimit, SagewsError, TooLarge, UsageError
from sagews.messages.files import FileEntry

LONGEST_PATH = 4096
LONGEST_NAME = 255
PART = ".sagews-part-"
"""Begins the name of a file that is not complete yet."""

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

    def entries(self, path: str, maximum: int) -> tuple[FileEntry, ...]:
        """What is in a folder ("" = the top), in the order of names.

        :raises NotFound: no such folder; OverLimit: more than `maximum` entries.
        """
        found: list[FileEntry] = []
        prefix = f"{path}/" if path else ""
        with self._folder(steps_of(path) if path else []) as folder, os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(PART):
                    continue
                if len(found) >= maximum:
                    raise OverLimit(f"The folder has more than {maximum} entries.", mend="Look at it in a session.")
                found.append(_entry(prefix, entry.name, folder))
        return tuple(sorted(found, key=lambda entry: entry.path))

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
    def new(self, path: str) -> Iterator[NewFile]:
        """A file that takes its place when it is `finish`ed, and is gone otherwise."""
        with self._parent(path, make=True) as (folder, name), _explained(path):
            file = NewFile(folder, name)
            try:
                yield file
            finally:
                file.close()

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
        descriptor = os.open(self._top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with _explained("/".join(steps)):
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

    def __init__(self, folder: int, name: str) -> None:
        """:param folder: a descriptor that stays open as long as this."""
        self._folder, self._name = folder, name
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
        os.fsync(self._descriptor)
        os.rename(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._finished = True
        os.fsync(self._folder)

    def close(self) -> None:
        """Done with it; what was not finished goes."""
        os.close(self._descriptor)
        if not self._finished:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._part, dir_fd=self._folder)


def _entry(prefix: str, name: str, folder: int) -> FileEntry:
    path = prefix + os.fsencode(name).decode("utf-8", "replace")
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return FileEntry(path, "other")
    if stat.S_ISDIR(found.st_mode):
        return FileEntry(path, "folder", 0, found.st_mtime)
    kind = "file" if stat.S_ISREG(found.st_mode) else "other"
    return FileEntry(path, "file" if kind == "file" else "other", found.st_size, found.st_mtime)


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
        raise UsageError(f"{path!r} cannot be used: {error.strerror}.") from error
