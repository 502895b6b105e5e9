"""Steps are taken in their order, each once, and none after somebody has left the ladder."""

from __future__ import annotations

import asyncio

from sagews.worker.stop_ladder import StopLadder
from tests.waiting import eventually


async def test_steps_come_one_after_the_other() -> None:
    taken: list[str] = []
    StopLadder().climb((0.01, lambda: taken.append("one")), (0.01, lambda: taken.append("two")))
    await eventually(lambda: len(taken) == 2)
    assert taken == ["one", "two"]


async def test_who_has_left_takes_no_further_step() -> None:
    taken: list[str] = []
    last = asyncio.Event()
    ladder = StopLadder()
    ladder.climb((0.0, lambda: (taken.append("one"), ladder.leave())), (0.0, lambda: taken.append("two")))  # type: ignore[arg-type, func-returns-value]
    asyncio.get_running_loop().call_later(0.05, last.set)
    await last.wait()
    assert taken == ["one"]
    assert not ladder.is_climbed


async def test_a_new_climb_takes_the_place_of_the_old_one() -> None:
    taken: list[str] = []
    ladder = StopLadder()
    ladder.climb((0.0, lambda: taken.append("old")))
    ladder.climb((0.01, lambda: taken.append("new")))
    await eventually(lambda: "new" in taken)
    assert taken == ["new"]
