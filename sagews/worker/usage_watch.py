"""UsageWatch: what busy sessions use, looked at once a second, warned of, and ended where it is too much.

The kernel limits single processes (`confinement`), or a whole session where a control group can be written. This
watch sees whole sessions everywhere, and is what tells people before the limit.

Invariant: nothing is looked at while no session does anything. A session counts as doing something while it evaluates,
and afterwards as long as what it left behind goes on using the processor.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import Protocol

from sagews.messages.records import Limits
from sagews.messages.sizes import in_binary_units
from sagews.worker.approach import FAR, Approach
from sagews.worker.session_end import Code
from sagews.worker.tree_usage import TreeUsage, usages

SAMPLE_SECONDS = 1.0
QUIET_SECONDS = 0.015
"""Of processor time between two looks: a session that is not busy, has used no more and wants no more is left alone."""


class Watched(Protocol):
    """What the watch needs of a session."""

    pid: int
    limits: Limits

    def kill(self, reason: str, code: Code) -> None:
        """End it."""

    def warn(self, text: str) -> None:
        """Let people know."""

    def stirred(self) -> None:
        """It has done something since the last look."""


@dataclass
class _Standing:
    """What is known of a session that is looked at."""

    is_busy: bool = True
    is_news: bool = True
    """It has begun or ended something since the last look."""
    cpu_seconds: float = 0.0
    lost_cpu_seconds: float = 0.0
    """Of processes for whose end nobody waited."""
    memory: Approach = field(default_factory=Approach)
    cpu: Approach = field(default_factory=Approach)
    tasks: Approach = field(default_factory=Approach)


class UsageWatch:
    """Of all sessions of a worker."""

    def __init__(self, sample_seconds: float = SAMPLE_SECONDS) -> None:
        """Nothing is looked at."""
        self._sample_seconds = sample_seconds
        self._standings: dict[Watched, _Standing] = {}
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None

    def busy(self, session: Watched) -> None:
        """It evaluates something."""
        standing = self._standings.setdefault(session, _Standing())
        standing.is_busy = standing.is_news = True
        self._watched.add(session)
        self._wait()

    def idle(self, session: Watched) -> None:
        """It does not any more; what it has started may go on."""
        if session in self._standings:
            standing = self._standings[session]
            standing.is_busy, standing.is_news = False, True

    def forget(self, session: Watched) -> None:
        """It has ended."""
        self._standings.pop(session, None)
        self._watched.discard(session)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def close(self) -> None:
        """Look no more."""
        for session in tuple(self._standings):
            self.forget(session)
        if self._looking is not None:
            await self._looking

    def _wait(self) -> None:
        if self._watched and self._timer is None and self._looking is None:
            self._timer = asyncio.get_running_loop().call_later(self._sample_seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._looking = asyncio.create_task(self._look(), name="usage of sessions")

    async def _look(self) -> None:
        """Read, in a thread (large processes take a while), and judge."""
        try:
            wanted = {session.pid: _enough(session.limits) for session in self._watched}
            found = await asyncio.to_thread(usages, wanted)
            for session in tuple(self._watched):
                if session.pid in found:
                    self._judge(session, found[session.pid])
        finally:
            self._looking = None
            self._wait()

    def _judge(self, session: Watched, usage: TreeUsage) -> None:
        standing, limits = self._standings[session], session.limits
        used = usage.cpu_seconds + standing.lost_cpu_seconds
        standing.lost_cpu_seconds += max(0.0, standing.cpu_seconds - used)
        used = max(used, standing.cpu_seconds)
        if used > standing.cpu_seconds or standing.is_news:
            session.stirred()
        goes_on = usage.wants_more or used - standing.cpu_seconds > QUIET_SECONDS
        if not (standing.is_busy or standing.is_news or goes_on):
            self._watched.discard(session)
        standing.cpu_seconds, standing.is_news = used, False
        if limits.memory_bytes and usage.memory_bytes > limits.memory_bytes:
            session.kill(f"memory limit {in_binary_units(limits.memory_bytes)}", "limit")
        elif limits.cpu_seconds and used >= limits.cpu_seconds:
            session.kill(f"cpu limit {limits.cpu_seconds} s", "limit")
        elif limits.processes and usage.tasks > limits.processes:
            session.kill(f"process limit {limits.processes}", "limit")
        else:
            _warn(session, standing, usage, used)


def _enough(limits: Limits) -> int:
    """Bytes of memory up to which it does not matter how much there is exactly."""
    return int(FAR * limits.memory_bytes) if limits.memory_bytes else sys.maxsize


def _warn(session: Watched, standing: _Standing, usage: TreeUsage, cpu_seconds: float) -> None:
    limits = session.limits
    if standing.memory.is_news(usage.memory_bytes, limits.memory_bytes):
        used = in_binary_units(usage.memory_bytes)
        session.warn(_near(f"uses {used} of memory", usage.memory_bytes, limits.memory_bytes))
    if standing.cpu.is_news(cpu_seconds, limits.cpu_seconds):
        session.warn(_near(f"has used {cpu_seconds:.0f} s of processor time", cpu_seconds, limits.cpu_seconds))
    if standing.tasks.is_news(usage.tasks, limits.processes):
        session.warn(_near(f"has {usage.tasks} processes and threads", usage.tasks, limits.processes))


def _near(what: str, used: float, limit: float) -> str:
    return f"The session {what}, {100 * used / limit:.0f} % of its limit. At the limit it ends."
