"""Outbox: a bounded queue of texts."""

from __future__ import annotations

import asyncio

from sagews.backend.outbox import MAXIMUM_BYTES, Outbox


async def test_texts_come_in_order() -> None:
    outbox = Outbox()
    getting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put("a")
    outbox.put("b")
    assert [await getting, await outbox.get()] == ["a", "b"]


async def test_it_is_bounded_but_takes_one_large_text() -> None:
    outbox = Outbox()
    large = "x" * (MAXIMUM_BYTES + 1)
    assert outbox.has_room(large)
    outbox.put(large)
    assert not outbox.has_room("y")
    await outbox.get()
    assert outbox.has_room("y")


async def test_who_waits_for_the_end_is_woken() -> None:
    outbox = Outbox()
    outbox.put("a")
    emptied = asyncio.create_task(outbox.emptied())
    await asyncio.sleep(0)
    assert not emptied.done()
    await outbox.get()
    await asyncio.wait_for(emptied, 5)
