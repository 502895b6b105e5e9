"""How fast is text, and is all of it there?"""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.peer import SETTINGS, running_jupyter
from benchmarks.rows import Row, median
from benchmarks.site import Site

LINES, LINE_BYTES = 20_000, 106
PLAIN = f"for i in range({LINES}): print(f'{{i:0{LINE_BYTES - 1}d}}')"
FLUSHED = f"for i in range({LINES}): print(f'{{i:0{LINE_BYTES - 1}d}}', flush=True)"
EXPECTED = "".join(f"{i:0{LINE_BYTES - 1}d}\n" for i in range(LINES)).encode()


@dataclass(frozen=True)
class Flood:
    """What came of one."""

    came_bytes: int
    seconds: float
    whole: bool
    """Whether every byte came, in its order."""

    @property
    def megabytes_per_second(self) -> float:
        """Of what came."""
        return self.came_bytes / 1e6 / self.seconds

    @property
    def lost(self) -> float:
        """Which part never came; 0 to 1."""
        return 1 - self.came_bytes / len(EXPECTED)


async def measure(site: Site, quick: bool) -> list[Row]:
    """20,000 lines of 106 bytes; the time ends when the client has every byte that comes."""
    rows = []
    for name, code, budget in (("printing", PLAIN, 20.0), ("printing with a flush a line", FLUSHED, 5.0)):
        ours = median([(await flood(site, code)).megabytes_per_second for _ in range(2 if quick else 7)])
        for at_its_best in (True, False):
            theirs = [await _peer(at_its_best, code) for _ in range(1 if quick or not at_its_best else 2)]
            speed = median([one.megabytes_per_second for one in theirs])
            peer, of_budget = SETTINGS[at_its_best], budget if at_its_best else None
            rows.append(Row(name, "MB/s", ours, peer, speed, of_budget, larger_is_better=True, note=_note(theirs)))
    return rows


async def flood(site: Site, code: str) -> Flood:
    """One on sagews, through the whole site.

    :raises AssertionError: where it was not whole.
    """
    async with site.client() as client:
        session = await client.open_session("sage")
        await session.evaluate("1")
        started = time.perf_counter()
        result = await session.evaluate(code)
        whole = await client.output(session.channel.workspace, result.run)
        seconds = time.perf_counter() - started
        assert whole == EXPECTED, f"{len(whole)} of {len(EXPECTED)} bytes"
    return Flood(len(whole), seconds, whole=True)


async def _peer(at_its_best: bool, code: str) -> Flood:
    async with running_jupyter(at_its_best=at_its_best) as server:
        kernel = await server.new_kernel()
        await kernel.evaluate("1")
        answer = await kernel.evaluate(code)
        await kernel.close()
    return Flood(len(answer.stdout), answer.seconds, answer.stdout == EXPECTED)


def _note(theirs: list[Flood]) -> str:
    if all(one.whole for one in theirs):
        return "nothing lost on either side"
    lost = " and ".join(f"{one.lost:.1%}" for one in theirs)
    return f"the peer lost {lost} of the bytes{' (two runs)' if len(theirs) == 2 else ''}, sagews none"
