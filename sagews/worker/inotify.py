"""Inotify: the kernel tells what changes in folders (inotify(7)). One descriptor serves a whole worker.

Invariant: nothing is asked regularly; where nothing changes, nothing runs.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000
ONLYDIR = 0x1000000

ENTRIES = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
"""What changes a listing. A file that is still being written is told when it is closed."""
EVENT = struct.Struct("iIII")
READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Change:
    """In the folder of a watch; `name` is of the entry, "" = the folder itself."""

    watch: int
    mask: int
    name: str


class Inotify:
    """A descriptor to be read when it is readable."""

    def __init__(self) -> None:
        """:raises OSError: the machine gives this user no more of them (`fs.inotify.max_user_instances`)."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self._called(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def add(self, folder: int) -> int:
        """Watch an open folder; watching it twice gives the same number.

        :raises OSError: ENOSPC where the machine watches as many as it may (`fs.inotify.max_user_watches`).
        """
        place = f"/proc/self/fd/{folder}".encode()
        return self._called(self._libc.inotify_add_watch(self.descriptor, place, ctypes.c_uint32(ENTRIES | ONLYDIR)))

    def remove(self, watch: int) -> None:
        """Watch it no more; doing it twice does no harm."""
        if self._libc.inotify_rm_watch(self.descriptor, watch) < 0 and ctypes.get_errno() != errno.EINVAL:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def changes(self) -> Iterator[Change]:
        """What has happened since."""
        try:
            data = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            watch, mask, _, length = EVENT.unpack_from(data, at)
            at += EVENT.size
            yield Change(watch, mask, os.fsdecode(data[at : at + length].rstrip(b"\0")))
            at += length

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self.descriptor)

    def _called(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
