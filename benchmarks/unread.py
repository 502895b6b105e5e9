"""How much memory do the servers need for 300 MB that are printed to a client that does not read for ten seconds?"""

from __future__ import annotations

import asyncio
import time

from benchmarks.peer import AT_ITS_BEST, running_jupyter
from benchmarks.processes import MemoryPeak
from benchmarks.rows import Row
from benchmarks.site import Site

SILENCE_SECONDS = 10.0


async def measure(site: Site, quick: bool) -> list[Row]:
    """The client's event loop stands still meanwhile, so nothing is read from any of its sockets."""
    megabytes = 30 if quick else 300
    code = f"line = 'x' * 999\nfor _ in range({megabytes} * 1000): print(line)"
    growth, came = await _ours(site, code)
    peer_growth, peer_came = await _peer(code)
    expected = megabytes * 1_000_000
    assert came == expected, f"{came} of {expected} bytes"
    name = f"{megabytes} MB to a client that does not read for {SILENCE_SECONDS:g} s: more memory"
    note = (
        "the peer lost nothing"
        if peer_came == expected
        else f"{peer_came / expected:.0%} of it reached the peer's client"
    )
    return [Row(name, "MiB", max(growth, 0.1), AT_ITS_BEST, peer_growth, 64, note=note)]


async def _ours(site: Site, code: str) -> tuple[float, int]:
    async with site.client() as client:
        session = await client.open_session("python")
        await session.evaluate("1")
        with MemoryPeak((site.worker_pid, site.backend_pid)) as memory:
            evaluating = asyncio.create_task(session.evaluate(code))
            await asyncio.sleep(0.2)  # until it has been sent
            time.sleep(SILENCE_SECONDS)
            result = await evaluating
            whole = await client.output(session.channel.workspace, result.run)
        return memory.growth, len(whole)


async def _peer(code: str) -> tuple[float, int]:
    async with running_jupyter(at_its_best=True) as server:
        kernel = await server.new_kernel()
        await kernel.evaluate("1")
        with MemoryPeak((server.pid,)) as memory:
            evaluating = asyncio.create_task(kernel.evaluate(code))
            await asyncio.sleep(0.2)
            time.sleep(SILENCE_SECONDS)
            answer = await evaluating
        await kernel.close()
        return memory.growth, sum(map(len, answer.streamed))
