"""What does an idle session cost: memory of its own, and processor time of the whole site?"""

from __future__ import annotations

import asyncio

from benchmarks.peer import AS_SHIPPED, running_jupyter
from benchmarks.processes import command, descendants, private_megabytes, processor_seconds
from benchmarks.rows import Row, median
from benchmarks.site import Site

WATCH_SECONDS = 20.0


async def measure(site: Site, quick: bool) -> list[Row]:
    """Every session has answered `1+1` before."""
    sessions = 10 if quick else 200
    async with site.worker() as worker:
        opened = []
        for _ in range(sessions):
            opened.append(await worker.open_session("sage"))
            assert (await opened[-1].evaluate("1+1")).text == "2"
        sizes = [sum(map(private_megabytes, descendants(init))) for init in site.inits("sage")]
        await asyncio.sleep(2)
        load = await _load(site.pid, 3 if quick else WATCH_SECONDS)
        for session in opened:
            await session.close()
    peer_size, peer_load = await _peer(2 if quick else 5)
    return [
        Row("private memory of an idle session", "MB", median(sizes), f"{AS_SHIPPED}: a kernel", peer_size, 15),
        Row(
            f"idle processor time of the site with {sessions} sessions",
            "% of a core",
            max(load, 0.01),
            f"{AS_SHIPPED}, with {2 if quick else 5} kernels",
            peer_load,
            1,
            note="the peer has fewer sessions: as many would not fit this machine's memory",
        ),
    ]


async def _load(pid: int, seconds: float) -> float:
    pids = descendants(pid)
    before = processor_seconds(pids)
    await asyncio.sleep(seconds)
    return 100 * (processor_seconds(pids) - before) / seconds


async def _peer(kernels: int) -> tuple[float, float]:
    async with running_jupyter(at_its_best=False) as server:
        opened = [await server.new_kernel() for _ in range(kernels)]
        for kernel in opened:
            assert (await kernel.evaluate("1+1")).text == "2"
        below = [pid for pid in descendants(server.pid) if "ipython_kernel" in command(pid)]
        size = median([private_megabytes(pid) for pid in below])
        await asyncio.sleep(2)
        load = await _load(server.pid, WATCH_SECONDS / 2)
        for kernel in opened:
            await kernel.close()
        return size, load
