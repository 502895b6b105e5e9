"""How long from asking for a Sage session to its first answer: alone, with no spare session there, and ten at once?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.peer import AS_SHIPPED, AT_ITS_BEST, Jupyter, Kernel, running_jupyter
from benchmarks.rows import Row, median, quantile
from benchmarks.site import Site, running_site

QUESTION, ANSWER = "factor(2^64+1)", "274177 * 67280421310721"
OTHER_QUESTION, OTHER_ANSWER = "matrix(QQ, 3, range(9)).charpoly()", "x^3 - 12*x^2 - 18*x"
"""A spare session has already factored a number, but not done this."""
REFILL_SECONDS = 0.3
"""For the spare sessions to be there again."""
AT_ONCE = 10
NO_SPARES = "[worker.environments.sage]\nspare_sessions = 0\n"
NEW = f"{AS_SHIPPED} (and at its best): a new kernel"
ATTACHED = f"{AT_ITS_BEST}, attaching to a kernel that was started before"


async def measure(site: Site, quick: bool) -> list[Row]:
    """Connecting is part of the time on both sides."""
    count = 10 if quick else 40
    alone = [await _alone(site, QUESTION, ANSWER) for _ in range(count)]
    other = [await _alone(site, OTHER_QUESTION, OTHER_ANSWER) for _ in range(count)]
    with running_site(NO_SPARES) as bare:
        forked = [await _alone(bare, QUESTION, ANSWER) for _ in range(count)]
    ten = [await _at_once(site) for _ in range(2 if quick else 5)]
    new, attached, other_attached, peer_ten, peer_ten_attached = await _peer(1 if quick else 3)
    first, at_once = "session to first answer", "ten sessions at once, all answered"
    spare = "a spare session is ready, and has evaluated this very question before"
    return [
        Row(f"{first}, p50", "ms", median(alone), NEW, median(new), 40, note=spare),
        Row(f"{first}, p95", "ms", quantile(alone, 0.95), NEW, max(new), note=f"the peer's worst of {len(new)}"),
        Row(f"{first}, p50", "ms", median(alone), ATTACHED, median(attached), note=spare),
        Row(
            f"{first} to a question not asked before, p50", "ms", median(other), ATTACHED, median(other_attached),
            note="a spare session is ready",
        ),
        Row(
            f"{first}, no spare session, p50", "ms", median(forked), NEW, median(new), 60,
            note="confined, as the site's sessions are; it is forked when it is asked for",
        ),
        Row(f"{first}, no spare session, p95", "ms", quantile(forked, 0.95), NEW, max(new)),
        Row(at_once, "s", median(ten), NEW, peer_ten, 0.6, note="two of them are spare sessions"),
        Row(at_once, "s", median(ten), f"{ATTACHED} (ten of them)", peer_ten_attached),
    ]  # fmt: skip


async def _alone(site: Site, question: str, answer: str) -> float:
    """In ms."""
    started = time.perf_counter()
    async with site.worker() as worker:
        session = await worker.open_session("sage")
        result = await session.evaluate(question)
        milliseconds = (time.perf_counter() - started) * 1000
        assert result.text == answer, result
        await session.close()
    await asyncio.sleep(REFILL_SECONDS)
    return milliseconds


async def _at_once(site: Site) -> float:
    """In s."""
    started = time.perf_counter()
    async with site.worker() as worker:

        async def one() -> str:
            session = await worker.open_session("sage")
            return (await session.evaluate(QUESTION)).text

        answers = await asyncio.gather(*(one() for _ in range(AT_ONCE)))
        seconds = time.perf_counter() - started
        assert set(answers) == {ANSWER}
    await asyncio.sleep(1)
    return seconds


async def _peer(count: int) -> tuple[list[float], list[float], list[float], float, float]:
    """In ms: new kernels, attached ones, attached ones asked something else; in s: ten new ones, ten attached ones."""
    async with running_jupyter(at_its_best=True) as server:
        new = [await _asked(server.new_kernel, QUESTION, ANSWER) for _ in range(count)]
        await server.end_kernels()
        pairs = [await _attached(server) for _ in range(count)]
        started = time.perf_counter()
        kernels = await asyncio.gather(*(_answering(server.new_kernel) for _ in range(AT_ONCE)))
        ten_new = time.perf_counter() - started
        started = time.perf_counter()
        await asyncio.gather(*(_answering(partial(server.connect, kernel.id)) for kernel in kernels))
        ten_attached = time.perf_counter() - started
    return new, [first for first, _ in pairs], [other for _, other in pairs], ten_new, ten_attached


async def _attached(server: Jupyter) -> tuple[float, float]:
    """In ms: the question, and the other one, each on a connection of its own."""
    waiting = await server.new_kernel()
    await waiting.evaluate("1")
    reach = partial(server.connect, waiting.id)
    times = await _asked(reach, QUESTION, ANSWER), await _asked(reach, OTHER_QUESTION, OTHER_ANSWER)
    await waiting.close()
    return times


async def _asked(reach: Callable[[], Awaitable[Kernel]], question: str, answer: str) -> float:
    started = time.perf_counter()
    kernel = await reach()
    assert (await kernel.evaluate(question)).text == answer
    milliseconds = (time.perf_counter() - started) * 1000
    kernel.disconnect()
    return milliseconds


async def _answering(reach: Callable[[], Awaitable[Kernel]]) -> Kernel:
    kernel = await reach()
    assert (await kernel.evaluate(QUESTION)).text == ANSWER
    return kernel
