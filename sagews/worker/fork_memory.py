"""The memory of a zygote before its first fork: so ordered that forks are short and sessions stay small.

A fork takes as long as the page tables that it copies are long, and a session is two forks of a process with 300 MB:
in large pages, one entry stands for 2 MiB instead of 512 of them. What a session gets from `malloc` should lie
together in new pages, not in holes all over the old ones, each of which would be copied for it; so should what Python
keeps of small objects, which has pools of its own.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from sagews.worker.system_calls import LIBC

MADV_COLLAPSE = 25
"""madvise(2), since Linux 6.1."""
LARGE_PAGE_BYTES = 2 * 1024 * 1024
HOLES = (*(1 << power for power in range(16, 10, -1)), *range(1032, 8, -16))
"""Sizes of holes, largest first: all that `malloc` (of the GNU C library, 64 bits) hands out of its heap."""
_POOLS = re.compile(r"^ *\d+ +(\d+) +\d+ +\d+ +(\d+)$", re.MULTILINE)
"""Of a size class of Python's small objects, in what `sys._debugmallocstats` prints: bytes, and how many are free."""
SMALLEST_BYTES_OBJECT = sys.getsizeof(b"")


def prepare() -> list[object]:
    """Do it. What the kernel or the C library cannot do is left out; only time and memory are lost then.

    :returns: what has to be kept as long as there are forks.
    """
    gc.collect()
    kept = fill_pools()
    gc.freeze()
    fill_holes()
    collapse()
    return kept


def fill_pools() -> list[object]:
    """Take what is free among Python's small objects, so that new ones lie together as well.

    :returns: what takes it. Descriptor 2 is another one meanwhile.
    """
    kept: list[object] = []
    for size, free in ((int(size), int(free)) for size, free in _POOLS.findall(_told_of_pools())):
        if size > SMALLEST_BYTES_OBJECT:
            kept.append([bytes(size - SMALLEST_BYTES_OBJECT) for _ in range(free)])
        elif size >= sys.getsizeof(0.0):
            kept.append([float(number) for number in range(free)])
        else:
            kept.append([object() for _ in range(free)])
    return kept


def _told_of_pools() -> str:
    """What the interpreter tells of its small objects; it only prints it."""
    with os.fdopen(os.memfd_create("pools"), "w+") as told:
        stderr = os.dup(2)
        os.dup2(told.fileno(), 2)
        try:
            sys._debugmallocstats()
            LIBC.fflush(None)
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        told.seek(0)
        return told.read()


def give_back() -> None:
    """In a session: what is needed no more is garbage, and what is free goes back to the kernel (malloc_trim(3))."""
    gc.collect()
    if hasattr(LIBC, "malloc_trim"):
        LIBC.malloc_trim(0)


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
