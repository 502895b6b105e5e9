"""LogFollowing: shows the records of a log, each once, in the order of arrival, also where the database is away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from sagews.database.log import Log, LogRecord, Wanted
from sagews.errors import DatabaseUnavailable

Show = Callable[[Iterable[LogRecord]], None]
RETRY_SECONDS = 1.0


class LogFollowing:
    """One reader's place in the log."""

    def __init__(self, log: Log, wanted: Wanted, show: Show) -> None:
        self._log = log
        self._wanted = wanted
        self._show = show
        self._position = 0
        """The id of the last record that was shown."""
        self._shown: AbstractSet[int] = frozenset()
        """Later ones that were shown too."""
        self._arrived = asyncio.Event()
        self._lost = False

    async def show_last(self, lines: int) -> None:
        """Show the newest records; what comes after them is new.

        :raises DatabaseUnavailable: it does not answer.
        """
        position = await self._log.position()
        last = await self._log.latest(self._wanted, lines)
        self._show(last)
        self._position, self._shown = position, {record.id for record in last if record.id > position}

    async def show_new(self) -> None:
        """Show what arrived since.

        :raises DatabaseUnavailable: it does not answer.
        """
        while records := await self._log.after(self._position, self._wanted):
            self._show(record for record in records if record.id not in self._shown)
            self._position = records[-1].id

    async def follow(self) -> None:
        """Show what arrives, until cancelled."""
        told = False
        while True:
            try:
                async with self._log.listening(self._arrived.set, self._lose):
                    self._lost = told = False
                    while not self._lost:
                        self._arrived.clear()
                        await self.show_new()
                        await self._arrived.wait()
            except DatabaseUnavailable as error:
                if not told:
                    print(f"sagews: {error.what} What arrives is shown when it is back.", file=sys.stderr, flush=True)
                told = True
                await asyncio.sleep(RETRY_SECONDS)

    def _lose(self) -> None:
        self._lost = True
        self._arrived.set()
