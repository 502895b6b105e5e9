"""Clients that evaluate without a pause and notice every answer that is lost, repeated or in a wrong order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sagews.client.site import SiteClient
from tests.acceptance.browsing import WorksheetPage


class Numbered(Protocol):
    """One that evaluates, again and again."""

    answered: int
    longest_seconds: float
    """The longest that an answer took since it was set to 0."""
    stopping: bool
    """Set it to end after the answer that is awaited."""

    async def run(self) -> None:
        """Evaluate until told to stop."""


@dataclass
class NumberedClient:
    """A program with a session of its own."""

    site: SiteClient
    name: str
    answered: int = 0
    longest_seconds: float = 0.0
    stopping: bool = False
    wrong: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Evaluate until told to stop. Each answer has a number that the session counts and one that we count."""
        session = await self.site.open_session("python")
        await session.evaluate("count = 0")
        while not self.stopping:
            number, began = self.answered + 1, time.monotonic()
            result = await session.evaluate(f"count += 1\nfor i in range(3): print('{self.name}', {number}, count, i)")
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
            expected = "".join(f"{self.name} {number} {number} {i}\n" for i in range(3))
            if result.stdout != expected:
                self.wrong.append(f"{self.name}: expected {expected!r}, got {result.stdout!r} ({result.status})")
            self.answered = number
        await session.close()


@dataclass
class NumberedPage:
    """A page of a browser, in which a person runs the same cell again and again."""

    sheet: WorksheetPage
    answered: int = 0
    longest_seconds: float = 0.0
    stopping: bool = False

    async def run(self) -> None:
        """Evaluate until told to stop; fails where the cell does not show just its next number in time."""
        await self.sheet.run(1, "count = 0")
        while not self.stopping:
            number, began = self.answered + 1, time.monotonic()
            await self.sheet.start(1, f"count += 1; print({number}, count)")
            await self.sheet.shows(1, f"{number} {number}\n")
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
            self.answered = number


async def all_answer_again(clients: Sequence[Numbered], *, within_seconds: float) -> float:
    """Wait until each has got two more answers; returns the longest that one had to wait for one."""
    goals = [client.answered + 2 for client in clients]
    async with asyncio.timeout(within_seconds):
        while any(client.answered < goal for client, goal in zip(clients, goals, strict=True)):
            await asyncio.sleep(0.01)
    return max(client.longest_seconds for client in clients)
