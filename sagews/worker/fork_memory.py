"""The memory of a zygote before its first fork: so ordered that forks are short and sessions stay small.

A fork takes as long as the page tables that it copies are long, and a session is two forks of a process with 300 MB:
in large pages, one entry stands for 2 MiB instead of 512 of them. What a session gets from `malloc` should lie
together in new pages, not in holes all over the old ones, each of which would be copied for it.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path

from sagews.worker.system_calls import LIBC

MADV_COLLAPSE = 25
"""madvise(2), since Linux 6.1."""
LARGE_PAGE_BYTES = 2 * 1024 * 1024
HOLES = (*(1 << power for power in range(16, 10, -1)), *range(1032, 8, -16))
"""Sizes of holes, largest first: all that `malloc` (of the GNU C library, 64 bits) hands out of its heap."""


def prepare() -> None:
    """Do it. What the kernel or the C library cannot do is left out; only time and memory are lost then."""
    gc.collect()
    gc.freeze()
    fill_holes()
    collapse()


def collapse() -> None:
    """Put this process's own memory into large pages."""
    for start, end in list(own_memory(Path("/proc/self/maps").read_text())):
        first, last = -(-start // LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES, end // LARGE_PAGE_BYTES * LARGE_PAGE_BYTES
        if first < last:
            LIBC.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), MADV_COLLAPSE)


def own_memory(maps: str) -> Iterator[tuple[int, int]]:
    """Start and end of what is writable, private and of no file (proc_pid_maps(5))."""
    for line in maps.splitlines():
        place, permissions, _, _, _, *name = line.split(maxsplit=5)
        if permissions == "rw-p" and name in ([], ["[heap]"]):
            start, _, end = place.partition("-")
            yield int(start, 16), int(end, 16)


class _Usage(ctypes.Structure):
    """mallinfo(3)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def fill_holes() -> int:
    """Take what is free in the heap below its end, for good; returns how many bytes that is."""
    if not hasattr(LIBC, "mallinfo2"):
        return 0
    usage = ctypes.CFUNCTYPE(_Usage)(("mallinfo2", LIBC))
    malloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)(("malloc", LIBC))
    heap_end = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_ssize_t)(("sbrk", LIBC))(0) or 0
    before = usage()
    last, left = heap_end - before.keepcost, before.fordblks
    for size in HOLES:
        while left > 0 and (malloc(size) or heap_end) < last:
            left -= size
    return int(before.fordblks - usage().fordblks)
