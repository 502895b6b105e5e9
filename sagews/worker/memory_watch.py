"""The memory of busy sessions, looked at once a second.

Where no control group can be written, the kernel limits the memory of single processes only: a session that
starts many is ended from here. Invariant: nothing is looked at while no session is busy.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Protocol

from sagews.messages.records import Limits
from sagews.worker import processes
from sagews.worker.session_end import Code, in_binary_units

SAMPLE_SECONDS = 1.0

_ROUGH = re.compile(r"^(?:RssAnon|RssShmem):\s*(\d+) kB$", re.MULTILINE)
_EXACT = re.compile(r"^(?:Pss_Anon|Pss_Shmem|SwapPss):\s*(\d+) kB$", re.MULTILINE)


class Watched(Protocol):
    """What the watch needs of a session."""

    pid: int
    limits: Limits

    def kill(self, reason: str, code: Code) -> None:
        """End it."""


class MemoryWatch:
    """Of all sessions of a worker."""

    def __init__(self, sample_seconds: float = SAMPLE_SECONDS) -> None:
        self._sample_seconds = sample_seconds
        self._busy: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def busy(self, session: Watched) -> None:
        """It evaluates something."""
        if session.limits.memory_bytes:
            self._busy.add(session)
            if self._timer is None:
                self._wait()

    def idle(self, session: Watched) -> None:
        """It does not, or has ended."""
        self._busy.discard(session)
        if not self._busy and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._sample_seconds, self._look)

    def _look(self) -> None:
        families = processes.families()
        for session in self._busy:
            inside = processes.descendants(session.pid, families)
            if memory_of(inside, session.limits.memory_bytes) > session.limits.memory_bytes:
                session.kill(f"memory limit {in_binary_units(session.limits.memory_bytes)}", "limit")
        self._wait()


def memory_of(inside: list[int], enough: int) -> int:
    """Bytes of memory of these processes, each page that they share with others counted in part.

    :param enough: the exact number matters only above it; below it a quick one that is too large will do.
    """
    rough = sum(_sum(_ROUGH, process, "status") for process in inside)
    return rough if rough <= enough else sum(_sum(_EXACT, process, "smaps_rollup") for process in inside)


def _sum(pattern: re.Pattern[str], process: int, name: str) -> int:
    """Add up what a file of /proc says (proc(5)); a process that has ended has no memory."""
    try:
        text = Path(f"/proc/{process}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return sum(map(int, pattern.findall(text))) * 1024
