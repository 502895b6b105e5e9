"""Retention: the oldest records are deleted when they are too old or when all are too large together.

It wakes rarely, deletes in small transactions, and lets the writer in between.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from sagews.database.clock import Clock
from sagews.database.log import Log
from sagews.errors import DatabaseUnavailable
from sagews.logserver.figures import Figures

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class Retention:
    """What is kept, and keeping to it."""

    store: Log
    figures: Figures
    clock: Clock
    keep: timedelta
    keep_bytes: int

    async def run(self) -> None:
        """At once and then every hour, until cancelled."""
        while True:
            try:
                await self.prune()
            except (DatabaseUnavailable, DBAPIError) as error:  # away, or not migrated yet
                log.info("Old records are deleted later", extra={"action": "prune_put_off", "error": str(error)})
            await asyncio.sleep(EVERY_SECONDS)

    async def prune(self) -> None:
        """Delete what is too old or too much.

        :raises DatabaseUnavailable: it did not get to the end; another time will.
        """
        while count := await self.store.prune_before(self.clock() - self.keep):
            self.figures.pruned.inc(count)
        if 0 < await self.store.disk_bytes() <= self.keep_bytes:
            return  # counting is dear, and the records are smaller than the table
        excess = await self.store.size_bytes() - self.keep_bytes
        while excess > 0:
            excess -= await self.store.prune_oldest(excess)
