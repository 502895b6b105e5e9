"""How long does `1+1` take, from the client through backend, worker and session, and back?"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from benchmarks.peer import AS_SHIPPED, AT_ITS_BEST, running_jupyter
from benchmarks.rows import Row, median, quantile
from benchmarks.site import Site


async def measure(site: Site, quick: bool) -> list[Row]:
    """Client and server on this machine; no load balancer in between."""
    count = 50 if quick else 500
    async with site.client() as client:
        session = await client.open_session("sage")
        ours = await _times(lambda: session.evaluate("1+1"), count)
    shipped, best = await _peer(False, count // 5), await _peer(True, count)
    return [
        Row("round trip of 1+1, p50", "ms", median(ours), AT_ITS_BEST, median(best), 3),
        Row("round trip of 1+1, p99", "ms", quantile(ours, 0.99), AT_ITS_BEST, quantile(best, 0.99)),
        Row("round trip of 1+1, p50", "ms", median(ours), AS_SHIPPED, median(shipped)),
        Row("round trip of 1+1, p99", "ms", quantile(ours, 0.99), AS_SHIPPED, quantile(shipped, 0.99)),
    ]


async def _times(ask: Callable[[], Awaitable[object]], count: int) -> list[float]:
    for _ in range(5):
        await ask()
    times = []
    for _ in range(count):
        started = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - started) * 1000)
    return times


async def _peer(at_its_best: bool, count: int) -> list[float]:
    async with running_jupyter(at_its_best=at_its_best) as server:
        kernel = await server.new_kernel()
        times = await _times(lambda: kernel.evaluate("1+1"), count)
        await kernel.close()
        return times
