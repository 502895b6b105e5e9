"""A deadline warns, and then ends."""

from __future__ import annotations

import asyncio

from sagews.worker.deadline import LONGEST_WARNING_SECONDS, Deadline
from tests.waiting import eventually


async def test_the_warning_comes_first() -> None:
    said: list[object] = []
    deadline = Deadline(0.05, said.append, lambda: said.append("end"))
    deadline.set()
    await eventually(lambda: "end" in said)
    assert said == [deadline.left_seconds, "end"]


async def test_stopped_it_is_silent() -> None:
    said: list[object] = []
    deadline = Deadline(0.01, said.append, lambda: said.append("end"))
    deadline.set()
    deadline.stop()
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, passed.set)
    await passed.wait()
    assert said == []


def test_a_long_time_is_not_warned_of_days_before() -> None:
    assert Deadline(7 * 86400, lambda left: None, lambda: None).left_seconds == LONGEST_WARNING_SECONDS
