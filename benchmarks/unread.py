"""How much memory do the servers need for 300 MB that are printed to a client that does not read for ten seconds?"""

from __future__ import annotations

import asyncio
import time

from benchmarks.peer import SETTINGS, running_jupyter
from benchmarks.processes import MemoryPeak
from benchmarks.rows import Row
from benchmarks.site import Site

SILENCE_SECONDS = 10.0
LINE_BYTES = 1000
SENDING_SECONDS = 0.2
"""For the request to leave, before the client stands still."""


async def measure(site: Site, quick: bool) -> list[Row]:
    """The client's event loop stands still meanwhile, so nothing is read from any of its sockets."""
    lines = 30_000 if quick else 300_000
    name = f"{lines // 1000} MB to a client that does not read for {SILENCE_SECONDS:g} s: more memory"
    growth = await _ours(site, lines)
    rows = []
    for at_its_best in (True, False):
        peer_growth, came = await _peer(at_its_best, lines)
        note = f"{came / (lines * LINE_BYTES):.0%} of it reached the peer's client, 100% that of sagews"
        budget = 64 if at_its_best else None
        rows.append(Row(name, "MiB", max(growth, 0.1), SETTINGS[at_its_best], max(peer_growth, 0.1), budget, note=note))
    return rows


def _code(lines: int) -> str:
    return f"for i in range({lines}): print(f'{{i:0{LINE_BYTES - 1}d}}')"


async def _ours(site: Site, lines: int) -> float:
    """In MiB, of worker and backend together."""
    async with site.client() as client:
        session = await client.open_session("sage")
        await session.evaluate("1")
        with MemoryPeak((site.worker_pid, site.backend_pid)) as memory:
            evaluating = asyncio.create_task(session.evaluate(_code(lines)))
            await asyncio.sleep(SENDING_SECONDS)
            time.sleep(SILENCE_SECONDS)
            result = await evaluating
            whole = await client.output(session.channel.workspace, result.run)
    assert len(whole) == lines * LINE_BYTES, f"{len(whole)} of {lines * LINE_BYTES} bytes"
    assert all(int(line) == number for number, line in enumerate(whole.splitlines())), "lines are missing or changed"
    return memory.growth


async def _peer(at_its_best: bool, lines: int) -> tuple[float, int]:
    """(MiB of the server, bytes that came)."""
    async with running_jupyter(at_its_best=at_its_best) as server:
        kernel = await server.new_kernel()
        await kernel.evaluate("1")
        with MemoryPeak((server.pid,)) as memory:
            evaluating = asyncio.create_task(kernel.evaluate(_code(lines)))
            await asyncio.sleep(SENDING_SECONDS)
            time.sleep(SILENCE_SECONDS)
            answer = await evaluating
        await kernel.close()
    return memory.growth, len(answer.stdout)
