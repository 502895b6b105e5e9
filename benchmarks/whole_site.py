"""``python -m benchmarks.whole_site``: what a whole site costs, and how soon it is well again after each death.

Takes root and the servers (`make test` installs them) and some minutes; prints tables, writes ``docs/whole-site.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.processes import processor_seconds
from benchmarks.recovery import recovery
from benchmarks.rows import median, quantile
from sagews.client.worker_session import WorkerSession
from tests.acceptance.whole_site import WholeSite, whole_site

PAGE = Path(__file__).parents[1] / "docs" / "whole-site.md"
IDLE_SESSIONS = 50
EACH_CLIENT = 10
"""One of an account of its own: an account may have 20 sessions, a connection follow 20 workspaces."""
IDLE_SECONDS = 60.0
ROUND_TRIPS = 500
SETTINGS = "worker.session_starts_per_minute = 100000\nbackend.rate_limits.requests_per_minute = 100000\n"
"""Scripts of one account come and go without a pause."""
PREFACE = """# A whole site: what it costs, and how soon it is well again

Written by `python -m benchmarks.whole_site --minutes N`: two HAProxies, nginx, PostgreSQL, memcached, log server,
three backends and two workers on one machine, everything over TLS; clients go through HAProxy.
"""


async def round_trip(site: WholeSite, token: str) -> list[str]:
    """`1+1` in a Sage session, through HAProxy, backend and worker."""
    async with site.client(token) as client:
        session = await client.open_session("sage")
        times = []
        for number in range(ROUND_TRIPS + 20):
            began = time.perf_counter()
            assert (await session.evaluate("1+1")).text == "2"
            if number >= 20:
                times.append((time.perf_counter() - began) * 1000)
        await session.close()
    return [
        "| round trip of `1+1` | ms | budget |",
        "|---|---|---|",
        f"| p50 | {median(times):.2f} | 3 |",
        f"| p99 | {quantile(times, 0.99):.2f} | |",
    ]


async def idle(site: WholeSite) -> list[str]:
    """Processor time of all processes of the site while nobody does anything."""
    async with AsyncExitStack() as stack:
        sessions: list[WorkerSession] = []
        for number in range(IDLE_SESSIONS // EACH_CLIENT):
            token = site.new_token(f"idle{number}")
            client = await stack.enter_async_context(site.client(token))
            sessions += [await client.open_session("sage") for _ in range(EACH_CLIENT)]
        for session in sessions:
            assert (await session.evaluate("1+1")).text == "2"
        await asyncio.sleep(5)
        pids = [pid for name in site.status() for pid in site.tree(name)] + site.tree("supervisord")
        before = processor_seconds(set(pids))
        await asyncio.sleep(IDLE_SECONDS)
        used = 100 * (processor_seconds(set(pids)) - before) / IDLE_SECONDS
        for session in sessions:
            await session.close()
    return [
        f"| idle, with {IDLE_SESSIONS} open Sage sessions | % of a core | budget |",
        "|---|---|---|",
        f"| all {len(set(pids))} processes together, over {IDLE_SECONDS:g} s | {used:.2f} | 2 |",
    ]


async def measure(minutes: float, only: str) -> tuple[list[str], bool]:
    """All tables, as Markdown, and whether nothing was lost.

    :param only: the one table that is wanted; empty = all.
    """
    tables, well = [], True
    with whole_site(SETTINGS) as site:
        began = time.monotonic()
        await asyncio.to_thread(site.sagews, "start")
        started = time.monotonic() - began
        token = site.new_token("bench")
        if only in ("", "round_trip"):
            tables.append(await round_trip(site, token))
        if only in ("", "idle"):
            tables.append(await idle(site))
        if only in ("", "recovery"):
            lines, well = await recovery(site, token, minutes)
            tables.append(lines)
        began = time.monotonic()
        await asyncio.to_thread(site.sagews, "stop")
        stopped = time.monotonic() - began
    both = f"`sagews start` of everything took {started:.1f} s, `sagews stop` {stopped:.1f} s."
    return [*(line for lines in tables for line in [*lines, ""]), both], well


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_site", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=0, help="how long all is killed again and again; at least once"
    )
    parser.add_argument("--only", choices=("round_trip", "idle", "recovery"), default="", help="prints, writes nothing")
    parsed = parser.parse_args(arguments)
    lines, well = asyncio.run(measure(parsed.minutes, parsed.only))
    print("\n".join(lines))
    if not parsed.only:
        PAGE.write_text("\n".join([PREFACE, *lines]) + "\n")
        print(f"\nWritten: {PAGE}", file=sys.stderr)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
