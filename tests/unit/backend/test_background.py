"""Tasks beside others: they end when they are told to, whatever they do about it."""

from __future__ import annotations

import asyncio

from sagews.backend import background


async def test_one_that_misses_its_cancellation_is_cancelled_again() -> None:
    missed = 0

    async def deaf() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                missed += 1
                if missed > 1:
                    raise

    task = background.start(deaf(), "deaf")
    await asyncio.sleep(0)
    await asyncio.wait_for(background.stop(task, None), 10)
    assert task.cancelled()
    assert missed == 2


async def test_stopping_is_repeatable_and_takes_what_has_ended() -> None:
    async def nothing() -> None:
        pass

    task = background.start(nothing(), "nothing")
    await task
    await background.stop(task)
    await background.stop(task)
    assert not task.cancelled()
