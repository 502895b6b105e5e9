"""How fast is text, and is all of it there?"""

from __future__ import annotations

import time

from benchmarks.peer import AS_SHIPPED, AT_ITS_BEST, running_jupyter
from benchmarks.rows import Row, median
from benchmarks.site import Site

LINES, LINE_BYTES = 20_000, 106
PLAIN = f"for i in range({LINES}): print(f'{{i:0{LINE_BYTES - 1}d}}')"
FLUSHED = f"for i in range({LINES}): print(f'{{i:0{LINE_BYTES - 1}d}}', flush=True)"
EXPECTED = "".join(f"{i:0{LINE_BYTES - 1}d}\n" for i in range(LINES)).encode()
MEGABYTES = len(EXPECTED) / 1e6


async def measure(site: Site, quick: bool) -> list[Row]:
    """20,000 lines of 106 bytes; the time ends when the client has every byte."""
    count = 2 if quick else 5
    rows = []
    for name, code, budget in (("printing", PLAIN, 20.0), ("printing with a flush a line", FLUSHED, 5.0)):
        ours = [await _ours(site, code) for _ in range(count)]
        best = [await _peer(True, code) for _ in range(1 if quick else 2)]
        shipped = await _peer(False, code)
        fast = median([speed for speed, _ in best])
        rows += [
            Row(name, "MB/s", median(ours), AT_ITS_BEST, fast, budget, larger_is_better=True, note=_lost(best[0][1])),
            Row(name, "MB/s", median(ours), AS_SHIPPED, shipped[0], larger_is_better=True, note=_lost(shipped[1])),
        ]
    return rows


async def _ours(site: Site, code: str) -> float:
    async with site.client() as client:
        session = await client.open_session("python")
        await session.evaluate("1")
        started = time.perf_counter()
        result = await session.evaluate(code)
        whole = await client.output(session.channel.workspace, result.run)
        seconds = time.perf_counter() - started
        assert whole == EXPECTED, f"{len(whole)} of {len(EXPECTED)} bytes"
    return MEGABYTES / seconds


async def _peer(at_its_best: bool, code: str) -> tuple[float, float]:
    """(MB/s, part of the bytes that never came)."""
    async with running_jupyter(at_its_best=at_its_best) as server:
        kernel = await server.new_kernel()
        await kernel.evaluate("1")
        started = time.perf_counter()
        answer = await kernel.evaluate(code)
        seconds = time.perf_counter() - started
        await kernel.close()
    came = sum(len(text) for text in answer.streamed if text.startswith("0"))
    return came / 1e6 / seconds, 1 - came / len(EXPECTED)


def _lost(part: float) -> str:
    return f"the peer lost {part:.0%} of the bytes" if part > 0.001 else "nothing lost on either side"
