"""InstanceLock: by which everybody knows whether an instance lives, and nobody starts a second one.

Invariant: the lock (flock(2)) is held by the process itself, by a descriptor that it inherited and that its children
share, so it goes exactly when the last of them is gone, however they end. The file says which process it is.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class InstanceLock:
    """The lock of one instance, in a folder of whoever starts instances: root writes no file in a user's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self) -> bool:
        """Hold it from now on, in this process and what it becomes by exec; False where another process holds it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.set_inheritable(descriptor, True)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return True

    def wait(self) -> None:
        """Return when nobody holds it."""
        with self.path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH)

    @property
    def is_held(self) -> bool:
        """Whether somebody holds it: the instance, or something that it left behind."""
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def pid(self) -> int:
        """Of the process that holds it; 0 = nobody does."""
        if not self.is_held:
            return 0
        with suppress(ValueError):  # empty: it is being taken just now
            return int(self.path.read_text())
        return 0
