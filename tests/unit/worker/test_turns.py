"""One at a time for each name."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sagews.worker.turns import Turns


async def test_nobody_has_a_turn_beside_another_and_no_name_stays() -> None:
    turns, inside, most = Turns(), 0, 0

    async def visit(rounds: int) -> None:
        nonlocal inside, most
        for _ in range(rounds):
            async with turns.of("w"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1
            await asyncio.sleep(0)

    impatient = [asyncio.create_task(visit(50)) for _ in range(3)]
    await asyncio.gather(*(visit(rounds) for rounds in (1, 2, 3, 20)))
    for task in impatient:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert (most, len(turns)) == (1, 0)


async def test_names_do_not_wait_for_each_other() -> None:
    turns = Turns()
    async with asyncio.timeout(5), turns.of("one"), turns.of("two"):
        assert len(turns) == 2
