"""Places for sessions: given in the order of asking, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from sagews.worker.capacity import Capacity


class Guest:
    """Wants a place, and keeps it until told to go."""

    def __init__(self, capacity: Capacity) -> None:
        self.told: list[int] = []
        self.on_first: Callable[[], object] | None = None
        self.has_place = asyncio.Event()
        self.leaves = asyncio.Event()
        self.task = asyncio.create_task(self._stay(capacity))

    async def _stay(self, capacity: Capacity) -> None:
        async with capacity.place(self._told):
            self.has_place.set()
            await self.leaves.wait()

    def _told(self, place: int) -> None:
        self.told.append(place)
        if place == 1 and self.on_first is not None:
            call, self.on_first = self.on_first, None
            call()

    async def gone(self) -> None:
        with suppress(asyncio.CancelledError):
            await self.task


async def guests(capacity: Capacity, count: int) -> list[Guest]:
    """So many, each of whom has asked."""
    asked = [Guest(capacity) for _ in range(count)]
    await asyncio.sleep(0)
    return asked


async def test_who_gives_up_just_before_a_place_is_free_loses_none() -> None:
    capacity = Capacity(1, 10)
    first, second, third = await guests(capacity, 3)
    first.leaves.set()
    second.task.cancel()
    async with asyncio.timeout(5):
        await first.gone()
        await second.gone()
        await third.has_place.wait()
    third.leaves.set()
    await third.gone()
    (last,) = await guests(capacity, 1)
    assert last.has_place.is_set()
    last.leaves.set()
    await last.gone()


async def test_who_gives_up_with_a_place_just_given_hands_it_on() -> None:
    capacity = Capacity(1, 10)
    first, second, third = await guests(capacity, 3)
    third.on_first = second.task.cancel
    first.leaves.set()
    async with asyncio.timeout(5):
        await third.has_place.wait()
    assert not second.has_place.is_set()
    third.leaves.set()
    await third.gone()


async def test_places_are_told_when_somebody_before_gives_up() -> None:
    capacity = Capacity(1, 10)
    first, *waiting = await guests(capacity, 4)
    assert [guest.told for guest in waiting] == [[1], [2], [3]]
    heard: list[int] = []
    capacity.on_change = lambda: heard.append(capacity.waiting)
    waiting[1].task.cancel()
    await waiting[1].gone()
    assert heard == [2]
    assert [guest.told for guest in waiting] == [[1], [2], [3, 2]]
    first.leaves.set()
    await waiting[0].has_place.wait()
    assert waiting[2].told == [3, 2, 1]
    for guest in waiting:
        guest.leaves.set()
        await guest.gone()
