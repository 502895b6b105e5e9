"""One does their worst: how many times longer does somebody else's `1+1` take than on an idle site?

The attackers are a process of their own (``python -m benchmarks.neighbour URL TOKEN ATTACK...``), so that what their
client does costs nothing of the one that measures.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.rows import Row, median, quantile
from benchmarks.site import Site
from sagews.client.site import SiteClient
from sagews.client.worker_session import WorkerSession
from sagews.errors import OverLimit, SagewsError

BUDGET = 3.0
"""Times the idle p50."""
WARMING_SECONDS = 2.0
"""An attack runs for this long before it is measured."""
PAUSE_SECONDS = 0.2
"""Before an attacker whose session was ended begins another."""
ATTACKERS = 2
"""Sessions that do the same at once, which is as many as the machine on which it was first measured has cores."""

SPINNERS = "import os\nfor _ in range(60):\n    if not os.fork():\n        while True: pass\nwhile True: pass"
"""As many as pass below the limit of processes."""

ATTACKS = {
    "processor hog": "while True: pass",
    "60 processes that spin": SPINNERS,
    "fork storm": "import os, time\nfor _ in range(10): os.fork()\ntime.sleep(60)",
    "memory": "while True: kept = bytearray(b'x') * (1500 * 2**20)",
    "output flood": "while True: print('x' * 105)",
    "rich output flood": "from IPython.display import HTML\nwhile True: display(HTML('x' * 50))",
}


async def measure(site: Site, quick: bool) -> list[Row]:
    """Client, attackers and site on this machine; no load balancer in between."""
    count = 60 if quick else 400
    async with site.client() as client:
        session = await client.open_session("python")
        idle = await _times(session, count)
        rows = [Row("neighbour's 1+1 on an idle site, p50", "ms", median(idle))]
        for name in ATTACKS:
            async with _attacked(site, (name,) * ATTACKERS):
                rows += _rows(name, await _times(session, count), median(idle))
        async with _attacked(site, tuple(ATTACKS)):
            rows += _rows("all of it at once", await _times(session, count), median(idle))
    return rows


def _rows(name: str, times: list[float], idle: float) -> list[Row]:
    note = f"p50 {median(times):.3g} ms, p99 {quantile(times, 0.99):.3g} ms"
    return [Row(f"neighbour's 1+1 during: {name}, p50", "times idle", median(times) / idle, budget=BUDGET, note=note)]


async def _times(session: WorkerSession, count: int) -> list[float]:
    for _ in range(5):
        await session.evaluate("1+1")
    times = []
    for _ in range(count):
        started = time.perf_counter()
        await session.evaluate("1+1")
        times.append((time.perf_counter() - started) * 1000)
    return times


@asynccontextmanager
async def _attacked(site: Site, names: tuple[str, ...]) -> AsyncIterator[None]:
    """Somebody does these, again and again, as long as the block lasts."""
    arguments = [sys.executable, "-m", "benchmarks.neighbour", site.url, site.token, *names]
    attackers = subprocess.Popen(arguments, stdin=subprocess.PIPE)
    with attackers:
        await asyncio.sleep(WARMING_SECONDS)
        try:
            yield
        finally:
            assert attackers.stdin is not None
            attackers.stdin.close()


async def attack(url: str, token: str, names: list[str]) -> None:
    """Do these attacks until standard input ends; then end the sessions."""
    async with SiteClient(url, token) as client:
        attackers = [asyncio.create_task(_attack(client, ATTACKS[name])) for name in names]
        await asyncio.to_thread(sys.stdin.read)
        for attacker in attackers:
            attacker.cancel()
        await asyncio.gather(*attackers, return_exceptions=True)


async def _attack(client: SiteClient, code: str) -> None:
    while True:
        try:
            async with await client.open_session("python") as session:
                await session.evaluate(code)
        except OverLimit:
            pass  # it did too much, and is told so
        except SagewsError as error:
            print(f" (an attacker: {error.what})", file=sys.stderr, end="", flush=True)
        await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    asyncio.run(attack(sys.argv[1], sys.argv[2], sys.argv[3:]))
