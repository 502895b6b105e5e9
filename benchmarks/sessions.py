"""How long from asking for a Sage session to its first answer, alone, in a burst, and ten at once?"""

from __future__ import annotations

import asyncio
import time

from benchmarks.peer import AS_SHIPPED, running_jupyter
from benchmarks.rows import Row, median, quantile
from benchmarks.site import Site

QUESTION, ANSWER = "factor(2^64+1)", "274177 * 67280421310721"
REFILL_SECONDS = 0.3
PEER = f"{AS_SHIPPED}: a new kernel"
PRESPAWNED = "Jupyter Server: attaching to a kernel that was started before"


async def measure(site: Site, quick: bool) -> list[Row]:
    """Alone: with spare sessions at hand; in a burst: one after the other without a pause, so that they are used up."""
    alone = [await _first_answer(site, rest_seconds=REFILL_SECONDS) for _ in range(10 if quick else 40)]
    burst = [await _first_answer(site) for _ in range(10 if quick else 40)]
    ten = [await _ten_at_once(site) for _ in range(2 if quick else 5)]
    cold, attached, peer_ten = await _peer(quick)
    return [
        Row(
            "session to first answer, p50", "ms", median(alone), PEER, median(cold), 40, note="a spare session is ready"
        ),
        Row("session to first answer, p95", "ms", quantile(alone, 0.95), PEER, max(cold)),
        Row("session to first answer in a burst, p50", "ms", median(burst), PEER, median(cold), note="spares used up"),
        Row("session to first answer, p50", "ms", median(alone), PRESPAWNED, median(attached)),
        Row("ten sessions at once, all answered", "s", median(ten), PEER, peer_ten, 0.6),
    ]


async def _first_answer(site: Site, rest_seconds: float = 0.0) -> float:
    async with site.worker() as worker:
        started = time.perf_counter()
        session = await worker.open_session("sage")
        result = await session.evaluate(QUESTION)
        milliseconds = (time.perf_counter() - started) * 1000
        assert result.text == ANSWER, result
        await session.close()
    await asyncio.sleep(rest_seconds)
    return milliseconds


async def _ten_at_once(site: Site) -> float:
    async with site.worker() as worker:
        started = time.perf_counter()

        async def one() -> str:
            session = await worker.open_session("sage")
            return (await session.evaluate(QUESTION)).text

        answers = await asyncio.gather(*(one() for _ in range(10)))
        seconds = time.perf_counter() - started
        assert set(answers) == {ANSWER}
    await asyncio.sleep(1)
    return seconds


async def _peer(quick: bool) -> tuple[list[float], list[float], float]:
    cold, attached = [], []
    async with running_jupyter(at_its_best=True) as server:
        for _ in range(1 if quick else 3):
            started = time.perf_counter()
            kernel = await server.new_kernel()
            assert (await kernel.evaluate(QUESTION)).text == ANSWER
            cold.append((time.perf_counter() - started) * 1000)
            await kernel.close()
        for _ in range(1 if quick else 3):
            waiting = await server.new_kernel()
            await waiting.evaluate("1")
            started = time.perf_counter()
            kernel = await server.connect(waiting.id)
            assert (await kernel.evaluate(QUESTION)).text == ANSWER
            attached.append((time.perf_counter() - started) * 1000)
            await kernel.close()

        async def one() -> str:
            return (await (await server.new_kernel()).evaluate(QUESTION)).text

        started = time.perf_counter()
        answers = await asyncio.gather(*(one() for _ in range(2 if quick else 10)))
        assert set(answers) == {ANSWER}
        return cold, attached, time.perf_counter() - started
