"""What a zygote does with its memory before it forks: what is in it stays as it is."""

from __future__ import annotations

import subprocess
import sys

from sagews.worker.fork_memory import own_memory

MAPS = """\
00400000-00401000 r-xp 00000000 fe:00 123                                /usr/bin/python3.11
00a00000-00c00000 rw-p 00000000 00:00 0                                  [heap]
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
7f0000400000-7f0000500000 rw-p 00001000 fe:00 99                         /usr/lib/a library.so
7f0000500000-7f0000600000 ---p 00000000 00:00 0
7f0000600000-7f0000700000 rw-s 00000000 00:01 5                          /dev/zero (deleted)
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
"""

COLLAPSE = """
import mmap
from pathlib import Path
from sagews.worker import fork_memory

def in_large_pages():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages:"))

memory = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
for place in range(0, len(memory), 4096):
    memory[place : place + 4] = place.to_bytes(4, "little")
memory.madvise(mmap.MADV_HUGEPAGE)
before = in_large_pages()
fork_memory.collapse()
assert all(memory[place : place + 4] == place.to_bytes(4, "little") for place in range(0, len(memory), 4096))
print(before, in_large_pages())
"""

FILL = """
import ctypes
from sagews.worker.fork_memory import fill_holes
from sagews.worker.system_calls import LIBC

LIBC.malloc.restype, LIBC.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
taken = [LIBC.malloc(700) for _ in range(4000)]
for place in taken[::2]:
    LIBC.free(place)
filled = fill_holes()
if filled:
    assert filled > 1_000_000, filled
    assert LIBC.malloc(700) > max(taken), "a hole was left"
"""

POOLS = """
from sagews.worker.fork_memory import fill_pools

def pages_of_new_objects():
    made = [bytes(50) for _ in range(1000)]
    return len({id(one) // 4096 for one in made})

def make_holes():
    taken = [bytes(50) for _ in range(200_000)]
    del taken[::100]
    return taken

kept = make_holes()
scattered = pages_of_new_objects()
kept += make_holes()
filled = fill_pools()
print(scattered, pages_of_new_objects())
"""


def test_only_memory_of_the_process_itself_is_found() -> None:
    assert list(own_memory(MAPS)) == [(0xA00000, 0xC00000), (0x7F0000000000, 0x7F0000400000)]


def test_memory_is_collapsed_and_keeps_its_content() -> None:
    done = subprocess.run([sys.executable, "-c", COLLAPSE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    # A kernel before 6.1 (or without large pages) leaves the memory as it is, and nothing else happens.
    assert after >= before + (6 << 10) or after == before


def test_new_memory_comes_from_behind_the_old() -> None:
    done = subprocess.run([sys.executable, "-c", FILL], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_new_objects_lie_together() -> None:
    done = subprocess.run([sys.executable, "-c", POOLS], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    scattered, together = map(int, done.stdout.split())
    assert scattered > 200
    assert together < 40, "1,000 objects of 96 bytes need 24 pages"
