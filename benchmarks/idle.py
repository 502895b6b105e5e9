"""What does an idle session cost: memory of its own, and processor time of the whole site?"""

from __future__ import annotations

import asyncio

from benchmarks.peer import AS_SHIPPED, running_jupyter
from benchmarks.processes import TICKS, command, descendants, private_megabytes, processor_seconds
from benchmarks.rows import Row, median
from benchmarks.site import Site

WATCH_SECONDS = 20.0
SESSIONS = 200
PEER_KERNELS = 5


async def measure(site: Site, quick: bool) -> list[Row]:
    """Every session has answered `1+1` before."""
    sessions, watch_seconds = (10, 3.0) if quick else (SESSIONS, WATCH_SECONDS)
    async with site.worker() as worker:
        opened = []
        for _ in range(sessions):
            opened.append(await worker.open_session("sage"))
            assert (await opened[-1].evaluate("1+1")).text == "2"
        sizes = [sum(map(private_megabytes, descendants(init))) for init in site.inits("sage")]
        await asyncio.sleep(2)
        load = await _load(site.pid, watch_seconds)
        for session in opened:
            await session.close()
    kernels = 2 if quick else PEER_KERNELS
    peer_size, peer_load = await _peer(kernels, watch_seconds)
    peer = f"{AS_SHIPPED} (and at its best)"
    step = 100 / TICKS / watch_seconds
    return [
        Row("private memory of an idle session", "MB", median(sizes), f"{peer}: a kernel", peer_size, 15),
        Row(
            f"idle processor time of the site with {sessions} sessions",
            "% of a core",
            max(load, step),
            f"{peer}, with {kernels} kernels",
            max(peer_load, step),
            1,
            note=f"measured in steps of {step:.2g}; {sessions} kernels of the peer would not fit this machine's memory",
        ),
    ]


async def _load(pid: int, seconds: float) -> float:
    pids = descendants(pid)
    before = processor_seconds(pids)
    await asyncio.sleep(seconds)
    return 100 * (processor_seconds(pids) - before) / seconds


async def _peer(kernels: int, watch_seconds: float) -> tuple[float, float]:
    async with running_jupyter(at_its_best=False) as server:
        opened = [await server.new_kernel() for _ in range(kernels)]
        for kernel in opened:
            assert (await kernel.evaluate("1+1")).text == "2"
        below = [pid for pid in descendants(server.pid) if "ipython_kernel" in command(pid)]
        size = median([private_megabytes(pid) for pid in below])
        await asyncio.sleep(2)
        load = await _load(server.pid, watch_seconds)
        for kernel in opened:
            await kernel.close()
        return size, load
