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
from functools import partial
from pathlib import Path

from benchmarks.processes import processor_seconds
from benchmarks.rows import median, quantile
from sagews.admin.site import WholeSite as Administered
from sagews.client.worker_session import WorkerSession
from sagews.configuration import load
from sagews.errors import Unavailable
from tests.acceptance.numbered import NumberedClient, all_answer_again
from tests.acceptance.whole_site import WholeSite, whole_site

PAGE = Path(__file__).parents[1] / "docs" / "whole-site.md"
CLIENTS = 20
IDLE_SESSIONS = 50
IDLE_SECONDS = 60.0
ROUND_TRIPS = 500
PATIENCE_SECONDS = 120.0
KILLED = (
    "loadbalancer:0",
    "loadbalancer:1",
    "backend:0",
    "backend:1",
    "backend:2",
    "memcached:0",
    "logserver:0",
    "staticserver:0",
    "supervisord",
)
PREFACE = """# A whole site: what it costs, and how soon it is well again

Written by `python -m benchmarks.whole_site`: two HAProxies, nginx, PostgreSQL, memcached, log server, three backends
and two workers on one machine, everything over TLS; clients go through HAProxy.
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


async def idle(site: WholeSite, token: str) -> list[str]:
    """Processor time of all processes of the site while nobody does anything."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(site.client(token))
        sessions: list[WorkerSession] = [await client.open_session("sage") for _ in range(IDLE_SESSIONS)]
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


async def recovery(site: WholeSite, token: str) -> list[str]:
    """`kill -9`, one after the other, under load."""
    administered = Administered(load(site.file, {}), site.file)
    lines = [
        f"| killed, while {CLIENTS} clients evaluate | longest wait for an answer | answers again after |",
        "|---|---|---|",
    ]
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(CLIENTS):
            connection = await stack.enter_async_context(site.client(token, begin=number % 2))
            clients.append(NumberedClient(connection, f"c{number}"))
        async with asyncio.TaskGroup() as running:
            for client in clients:
                running.create_task(client.run())
            await all_answer_again(clients, within_seconds=PATIENCE_SECONDS)
            for victim in (None, *KILLED, "postgresql:0 (stop, then start)"):
                for client in clients:
                    client.longest_seconds = 0.0
                took = await _hurt(site, administered, victim)
                waited = await all_answer_again(clients, within_seconds=PATIENCE_SECONDS)
                name = "nothing (5 s)" if victim is None else f"`{victim}`"
                lines.append(f"| {name} | {waited:.2f} s | {took} |")
                print(lines[-1], file=sys.stderr)
            for client in clients:
                client.stopping = True
        wrong = [text for client in clients for text in client.wrong]
        answers = sum(client.answered for client in clients)
    return [*lines, "", f"Of {answers} numbered answers, {len(wrong)} were lost, repeated or in a wrong order."]


async def _hurt(site: WholeSite, administered: Administered, victim: str | None) -> str:
    """Returns how soon it answered again."""
    if victim is None:
        await asyncio.sleep(5)
        return ""
    if victim.startswith("postgresql"):
        await asyncio.to_thread(site.sagews, "stop", "postgresql")
        began = time.monotonic()
        await asyncio.to_thread(site.sagews, "start", "postgresql")
        return f"{time.monotonic() - began:.1f} s (the command)"
    site.kill(victim)
    began = time.monotonic()
    if victim == "supervisord":
        await asyncio.to_thread(site.sagews, "start")
        return f"{time.monotonic() - began:.1f} s (`sagews start`; nothing else noticed)"
    await asyncio.to_thread(partial(_until_it_answers, administered, victim))
    return f"{time.monotonic() - began:.1f} s"


def _until_it_answers(administered: Administered, name: str) -> None:
    (instance,) = administered.chosen((name,))
    component = administered.components[instance.component]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            component.answers(instance)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


async def measure() -> list[str]:
    """All tables, as Markdown."""
    with whole_site() as site:
        began = time.monotonic()
        await asyncio.to_thread(site.sagews, "start")
        started = time.monotonic() - began
        token = site.new_token("bench")
        tables = [await round_trip(site, token), await idle(site, token), await recovery(site, token)]
        began = time.monotonic()
        await asyncio.to_thread(site.sagews, "stop")
        stopped = time.monotonic() - began
    both = f"`sagews start` of everything took {started:.1f} s, `sagews stop` {stopped:.1f} s."
    return [*(line for lines in tables for line in [*lines, ""]), both]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    argparse.ArgumentParser(prog="python -m benchmarks.whole_site", description=__doc__).parse_args(arguments)
    lines = asyncio.run(measure())
    print("\n".join(lines))
    PAGE.write_text("\n".join([PREFACE, *lines]) + "\n")
    print(f"\nWritten: {PAGE}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
