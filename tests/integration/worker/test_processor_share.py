"""However many processes a session has, it has one share of the processors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagews.worker.protection import Protection
from tests.integration.worker.conftest import Confined
from tests.integration.worker.talk import Talk
from tests.waiting import eventually

SPIN = """
import os
for _ in range({count}):
    if os.fork() == 0:
        {first}
        while True: pass
"""
pytestmark = pytest.mark.asyncio(loop_scope="session")
TICKS = os.sysconf("SC_CLK_TCK")


def group_of(confined: Confined, talk: Talk) -> Path:
    """Its group, in the hierarchy that shares processors."""
    group = f"sagews/{confined.environments.zygote_pid('python')}.{talk.process.number}"
    top = Path("/sys/fs/cgroup")
    return next(
        file.parent
        for name in ("cpu.weight", "cpu.shares")
        for pattern in (f"{group}/{name}", f"*/{group}/{name}")
        for file in top.glob(pattern)
    )


def seconds_of(group: Path) -> float:
    """Processor time of all processes that are in it (proc_pid_stat(5))."""
    used = 0
    for pid in (group / "cgroup.procs").read_text().split():
        fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / TICKS


async def test_many_processes_get_no_more_than_few(confined: Confined) -> None:
    if not confined.has(Protection.PROCESSOR):
        pytest.skip("the kernel shares the processors between processes here, not between groups of them")
    cores = min(4, len(os.sched_getaffinity(0)))
    greedy, modest = await confined.begin("greedy"), await confined.begin("modest")
    try:
        groups = [group_of(confined, talk) for talk in (greedy, modest)]
        # A group of processes of its own for each (setsid) would do, where there is only the kernel's "autogroup".
        await greedy.run(SPIN.format(count=12 * cores, first="os.setsid()"))
        await modest.run(SPIN.format(count=cores, first="pass"))
        before = [seconds_of(group) for group in groups]

        def used() -> list[float]:
            return [seconds_of(group) - start for group, start in zip(groups, before, strict=True)]

        await eventually(lambda: sum(used()) >= 4, within_seconds=60)
        by_greedy, by_modest = used()
    finally:
        for talk in (greedy, modest):
            talk.process.kill("enough", "shutdown")
            await talk.process.ended
    assert by_modest > by_greedy / 3, "with a share for each process it would be a twelfth"
