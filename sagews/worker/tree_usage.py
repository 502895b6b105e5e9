"""What a process and everything below it uses, as /proc tells (proc(5)).

Invariant: one look at all processes serves for any number of trees. A process that ends while it is looked at counts
as much as had been read of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROUGH = re.compile(r"^(?:RssAnon|RssShmem|VmSwap):\s*(\d+) kB$", re.MULTILINE)
_EXACT = re.compile(r"^(?:Pss_Anon|Pss_Shmem|SwapPss):\s*(\d+) kB$", re.MULTILINE)
_WANTING = (b"R", b"D")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class TreeUsage:
    """What the processes of one session use."""

    memory_bytes: int = 0
    cpu_seconds: float = 0.0
    """Of those that live, and of those that they have waited for."""
    tasks: int = 0
    """Processes and threads."""
    wants_more: bool = False
    """One of them wants the processor or the disk just now, whether it gets it or not."""


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    ticks: int
    threads: int
    state: bytes


class Trees:
    """All processes of this machine, as they were at one moment."""

    def __init__(self) -> None:
        """Look at them."""
        self._children: dict[int, list[_Process]] = {}
        self._processes: dict[int, _Process] = {}
        for process in _processes():
            self._processes[process.pid] = process
            self._children.setdefault(process.parent, []).append(process)

    def usage(self, root: int, enough_bytes: int) -> TreeUsage:
        """What is used below `root`.

        :param root: the init of a session, which counts only with the time of those that it has waited for.
        :param enough_bytes: the exact memory matters only above it; below it a quick number that is too large will do.
        """
        inside = list(self._below(root))
        top = self._processes.get(root)
        ticks = sum(process.ticks for process in inside) + (top.ticks if top else 0)
        memory = memory_of([process.pid for process in inside], enough_bytes)
        tasks = sum(process.threads for process in inside)
        return TreeUsage(memory, ticks / _TICKS, tasks, any(process.state in _WANTING for process in inside))

    def _below(self, root: int) -> Iterator[_Process]:
        waiting = [root]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                yield child
                waiting.append(child.pid)


def usages(roots: dict[int, int]) -> dict[int, TreeUsage]:
    """What is used below each of these processes.

    :param roots: with each, how many bytes of memory are enough (see `Trees.usage`).
    """
    trees = Trees()
    return {root: trees.usage(root, enough) for root, enough in roots.items()}


def memory_of(inside: list[int], enough_bytes: int) -> int:
    """Bytes of memory of these processes, each page that they share with others counted in part.

    :param enough_bytes: the exact number matters only above it.
    """
    rough = {process: _sum(_ROUGH, process, "status") or 0 for process in inside}
    total = sum(rough.values())
    if total <= enough_bytes:
        return total
    # Of a process of another user only the rough number can be read.
    exact = ((_sum(_EXACT, process, "smaps_rollup"), rough[process]) for process in inside)
    return sum(known if found is None else found for found, known in exact)


def _sum(pattern: re.Pattern[str], process: int, name: str) -> int | None:
    """Add up what a file of /proc says; None where it must not be read. A process that has ended has no memory."""
    try:
        text = Path(f"/proc/{process}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return None
    return sum(map(int, pattern.findall(text))) * 1024


def _processes() -> Iterator[_Process]:
    for name in os.listdir("/proc"):  # noqa: PTH208 (thousands of paths would be made)
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                data = file.read()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        # The command's name stands in parentheses and may hold anything, parentheses too. Behind it stand
        # state (field 3), parent (4), ..., utime, stime, cutime, cstime (14 to 17), ..., threads (20).
        fields = data.rpartition(b")")[2].split()
        yield _Process(int(name), int(fields[1]), sum(map(int, fields[11:15])), int(fields[17]), fields[0])
