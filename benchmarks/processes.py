"""Memory and processor time of processes, from /proc (proc(5))."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_SECONDS = 60


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still live."""
    lists = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for found in lists for child in found]


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(below for child in children(pid) for below in descendants(child))]


def command(pid: int) -> str:
    """Its command line; "" where it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def private_megabytes(pid: int) -> float:
    """Memory that no other process shares, clean and dirty, in MB (a million bytes)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    return kilobytes * 1024 / 1e6


def resident_megabytes(pids: Iterable[int]) -> float:
    """Resident memory of some processes together."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * PAGE / MIB


def processor_seconds(pids: Iterable[int]) -> float:
    """Processor time of some processes together, user and system; those that have gone count nothing."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def end(process: subprocess.Popen[Any], how: signal.Signals) -> None:
    """End a server that was started for a measurement; where it does not end, it and all below it are killed.

    :raises subprocess.TimeoutExpired: where they had to be killed.
    """
    below = descendants(process.pid)
    process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        raise


class MemoryPeak:
    """The highest resident memory of some processes within a block, looked at 20 times a second."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = self.highest = resident_megabytes(self._pids)

    def __enter__(self) -> MemoryPeak:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth(self) -> float:
        """In MiB."""
        return self.highest - self.before

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.highest = max(self.highest, resident_megabytes(self._pids))
