"""What confinement costs: a session under its own user with a root, namespaces and filters of its own, and its end.

    python -m benchmarks.confinement [--sessions N]

prints a table for this machine: the first answer with and without confinement, private memory, kill and reap, ten at
once, and with ``--sessions`` so many that live at once. As root; it needs no site.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import processes
from benchmarks.rows import Row, median, quantile
from benchmarks.site import Site
from sagews.messages import Frame
from sagews.messages.jupyter import ExecuteRequest, ExecuteResult, Status
from sagews.messages.records import Limits
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments
from sagews.worker.protection import Protection
from sagews.worker.session_process import SessionProcess
from sagews.worker.session_user import session_users

QUESTION, ANSWER = "factor(2^64+1)", "274177 * 67280421310721"
LIMITS = Limits(memory_bytes=4 * 2**30, processes=256, open_files=1024)
USERS = "650000-651999"
AT_ONCE = 10
REFILL_SECONDS = 0.3
"""For the spare sessions to be there again."""


@asynccontextmanager
async def _environments(folder: Path, *, confined: bool, spares: int) -> AsyncIterator[Environments]:
    users = session_users(USERS) if os.geteuid() == 0 else ()
    wishes = ConfinementSettings(wanted=confined, users=users, owner=os.geteuid(), hidden=(folder,))
    environments = Environments(folder, (EnvironmentSettings("sage", "sage", spares=spares),), confinement=wishes)
    await environments.start()
    try:
        yield environments
    finally:
        await environments.stop()


async def measure(site: Site, quick: bool) -> list[Row]:
    """For `python -m benchmarks`; the site is not asked."""
    return await compare(10 if quick else 40)


async def compare(count: int, sessions: int = 0) -> list[Row]:
    """Every figure; the peer is our own session without confinement."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, _ = await _figures(folder / "plain", count, confined=False, spares=2)
        confined, present = await _figures(folder / "confined", count, confined=True, spares=2)
        bare, _ = await _figures(folder / "bare", count, confined=True, spares=0)
        plain_bare, _ = await _figures(folder / "plain bare", count, confined=False, spares=0)
        many = await _many(folder / "many", sessions) if sessions else []
    whom = "our own session, not confined"
    under = "under its own Unix user" if Protection.USERS in present else "in user namespaces"
    return [
        Row(
            f"confined Sage session, {under}, to first answer, p50", "ms", median(confined["answer"]), whom,
            median(plain["answer"]), 60, note="a spare session is ready",
        ),
        Row("the same, p95", "ms", quantile(confined["answer"], 0.95), whom, quantile(plain["answer"], 0.95)),
        Row("the same, no spare session, p50", "ms", median(bare["answer"]), whom, median(plain_bare["answer"]), 60),
        Row("session that is not confined, no spare session, p50", "ms", median(plain_bare["answer"]), budget=40),
        Row("private memory of a confined session and its init", "MB", median(confined["memory"]), whom,
            median(plain["memory"]), 15),
        Row("kill and reap of a confined session, p50", "ms", median(confined["end"]), whom, median(plain["end"]), 50),
        Row(f"{AT_ONCE} confined sessions at once, all answered", "s", median(confined["ten"]), whom,
            median(plain["ten"]), 0.8),
        *many,
    ]  # fmt: skip


async def _figures(
    folder: Path, count: int, *, confined: bool, spares: int
) -> tuple[dict[str, list[float]], Protection]:
    answers: list[float] = []
    memory: list[float] = []
    ends: list[float] = []
    async with _environments(folder, confined=confined, spares=spares) as environments:
        for _ in range(count):
            started = time.perf_counter()
            session = await _answered(environments, folder, "one")
            answers.append((time.perf_counter() - started) * 1000)
            memory.append(sum(map(processes.private_megabytes, processes.descendants(session.pid))))
            ends.append(await _end(session))
            await asyncio.sleep(REFILL_SECONDS)
        tens = [await _at_once(environments, folder) for _ in range(3)]
        return {"answer": answers, "memory": memory, "end": ends, "ten": tens}, environments.present


async def _at_once(environments: Environments, folder: Path) -> float:
    """Seconds until all have answered."""
    started = time.perf_counter()
    sessions = await asyncio.gather(*(_answered(environments, folder, f"w{n}") for n in range(AT_ONCE)))
    seconds = time.perf_counter() - started
    await asyncio.gather(*map(_end, sessions))
    return seconds


async def _many(folder: Path, count: int) -> list[Row]:
    """Many that live at once: how long they take to open, their memory, and a round trip to one among them."""
    async with _environments(folder, confined=True, spares=2) as environments:
        started = time.perf_counter()
        sessions = [await _answered(environments, folder, f"w{n}") for n in range(count)]
        opened = time.perf_counter() - started
        private = [
            sum(map(processes.private_megabytes, processes.descendants(session.pid)))
            for session in sessions[:: max(1, count // 50)]
        ]
        trips = [await _round_trip(session) for session in sessions[:: max(1, count // 100)]]
        started = time.perf_counter()
        await asyncio.gather(*map(_end, sessions))
        ended = time.perf_counter() - started
    return [
        Row(f"{count} confined Sage sessions, one after the other", "s", opened),
        Row(f"private memory of each of {count}", "MB", median(private), budget=15),
        Row(f"round trip to one of {count}, p50", "ms", median(trips)),
        Row(f"end of all {count} at once", "s", ended),
    ]


async def _answered(environments: Environments, folder: Path, name: str) -> SessionProcess:
    files = folder / "files" / name
    files.mkdir(parents=True, exist_ok=True)
    session = await environments.fork("sage", name, files, LIMITS)
    said = await _ask(session, QUESTION)
    if said != ANSWER:
        raise AssertionError(f"{QUESTION} was answered by {said!r}")
    return session


async def _ask(session: SessionProcess, code: str) -> str:
    """Evaluate it; returns the text of the result."""
    idle = asyncio.Event()
    text = ""

    def heard(frame: Frame) -> None:
        nonlocal text
        if isinstance(frame.content, ExecuteResult):
            text = str(frame.content.data["text/plain"])
        elif frame.content == Status("idle"):
            idle.set()

    session.on_frame = heard
    session.send(Frame(content=ExecuteRequest(code), run="r"))
    await idle.wait()
    return text


async def _round_trip(session: SessionProcess) -> float:
    """In ms."""
    started = time.perf_counter()
    await _ask(session, "1+1")
    return (time.perf_counter() - started) * 1000


async def _end(session: SessionProcess) -> float:
    """Milliseconds from the order to nothing being left."""
    started = time.perf_counter()
    session.kill("measured", "shutdown")
    await session.ended
    return (time.perf_counter() - started) * 1000


def main() -> int:
    """Print the table."""
    from benchmarks import report

    parser = argparse.ArgumentParser(prog="python -m benchmarks.confinement", description=__doc__)
    parser.add_argument("--sessions", type=int, default=0, metavar="N", help="also so many that live at once")
    parser.add_argument("--count", type=int, default=40, metavar="N", help="repetitions")
    parsed = parser.parse_args()
    print(report.table(asyncio.run(compare(parsed.count, parsed.sessions))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
