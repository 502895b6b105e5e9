"""The bound on bytes in flight."""

from __future__ import annotations

import asyncio

import pytest

from sagews.backend.sockjs.window import Window
from sagews.errors import Disconnected


async def settle() -> None:
    """Let every task run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_reserves_up_to_its_limit_at_once() -> None:
    window = Window(10)
    await window.reserve(4)
    await window.reserve(6)
    assert window.reserved_bytes == 10


async def test_more_waits_for_a_release() -> None:
    window = Window(10)
    await window.reserve(6)
    waiting = asyncio.create_task(window.reserve(6))
    await settle()
    assert not waiting.done()
    window.release(6)
    await waiting
    assert window.reserved_bytes == 6


async def test_larger_than_the_limit_goes_alone() -> None:
    window = Window(10)
    await window.reserve(1)
    waiting = asyncio.create_task(window.reserve(100))
    await settle()
    assert not waiting.done()
    window.release(1)
    await waiting
    assert window.reserved_bytes == 100


async def test_small_ones_do_not_overtake() -> None:
    window = Window(10)
    order: list[int] = []

    async def take(size: int) -> None:
        await window.reserve(size)
        order.append(size)

    await window.reserve(8)
    waiting = [asyncio.create_task(take(size)) for size in (9, 1)]
    await settle()
    assert order == []
    window.release(8)
    await asyncio.gather(*waiting)
    assert order == [9, 1]


async def test_cancelled_wait_takes_nothing() -> None:
    window = Window(10)
    await window.reserve(10)
    waiting = asyncio.create_task(window.reserve(5))
    await settle()
    waiting.cancel()
    await settle()
    window.release(10)
    await window.reserve(10)
    assert window.reserved_bytes == 10


async def test_closed_refuses_who_waits_and_who_comes() -> None:
    window = Window(10)
    await window.reserve(10)
    waiting = asyncio.create_task(window.reserve(5))
    await settle()
    window.close()
    with pytest.raises(Disconnected):
        await waiting
    with pytest.raises(Disconnected):
        await window.reserve(0)
