"""The writer: what all connections have brought goes into the database in one commit, again and again.

Invariants: `write` returns when its records are committed; nothing is acknowledged before. While the database is away
it tries again, and everybody waits (so that nothing more is read). A record that the database refuses is found by
halving, and stands as one that says so; the others are stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError, StatementError

from sagews.database.log import Log, NewRecord
from sagews.errors import DatabaseUnavailable
from sagews.logserver.figures import Figures
from sagews.logserver.intake import set_apart

log = logging.getLogger(__name__)

COMMIT_RECORDS = 5000
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

_REFUSED = ("21", "22", "23", "54")
"""SQLSTATE classes (PostgreSQL's documentation, appendix A) that are about what a record has: cardinality, data
exception, integrity, a limit of the program. Any other may pass: a missing table is made, rights are given."""


@dataclass
class Writer:
    """Runs as one task, `run`, beside those that call `write`."""

    store: Log
    figures: Figures
    _waiting: list[tuple[Sequence[NewRecord], asyncio.Future[None]]] = field(default_factory=list)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, records: Sequence[NewRecord]) -> None:
        """Return when they are in the database."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((records, future))
        self._some.set()
        await future

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._some.wait()
            batches = self._take()
            records = [record for batch, _ in batches for record in batch]
            await self._store(records)
            self.figures.stored.inc(len(records))
            self.figures.commits.inc()
            for _, future in batches:
                if not future.done():  # who waited may be gone
                    future.set_result(None)

    def _take(self) -> list[tuple[Sequence[NewRecord], asyncio.Future[None]]]:
        count, taken = 0, 0
        for batch, _ in self._waiting:
            if taken and count + len(batch) > COMMIT_RECORDS:
                break
            taken, count = taken + 1, count + len(batch)
        batches, self._waiting = self._waiting[:taken], self._waiting[taken:]
        if not self._waiting:
            self._some.clear()
        return batches

    async def _store(self, records: Sequence[NewRecord]) -> None:
        """Store them; a refused one alone is replaced, several are halved."""
        try:
            await self._store_when_it_answers(records)
            return
        except (StatementError, ValueError, TypeError, OverflowError, RecursionError) as error:
            reason = str(getattr(error, "orig", None) or error)
        if len(records) > 1:
            middle = len(records) // 2
            await self._store(records[:middle])
            await self._store(records[middle:])
            return
        await self._replace(records[0], reason)

    async def _replace(self, record: NewRecord, reason: str) -> None:
        self.figures.refused.inc()
        fields = {"action": "log_record_refused", "of_process": record.process, "number": record.n, "reason": reason}
        log.warning("The database refuses a log record", extra=fields)
        try:
            await self._store_when_it_answers([set_apart(record, reason)])
        except (StatementError, ValueError) as error:
            fields = {
                "action": "log_record_lost",
                "of_process": record.process,
                "number": record.n,
                "error": str(error),
            }
            log.error("A log record could not be stored at all", extra=fields)
            self.figures.lost.inc()

    async def _store_when_it_answers(self, records: Sequence[NewRecord]) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self.store.append(records)
            except (DatabaseUnavailable, DBAPIError) as error:
                if not _is_outage(error):
                    raise
                self._say_away(error)
            else:
                self._say_here()
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _say_away(self, error: Exception) -> None:
        if self.figures.database_answers:
            self.figures.database_answers = False
            log.warning("Database does not take records", extra={"action": "database_away", "error": str(error)})

    def _say_here(self) -> None:
        if not self.figures.database_answers:
            self.figures.database_answers = True
            log.info("Database takes records again", extra={"action": "database_back"})


def _is_outage(error: Exception) -> bool:
    """Whether trying again may help. (What asyncpg itself cannot encode has no SQLSTATE.)"""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, DatabaseUnavailable) or (bool(state) and not str(state).startswith(_REFUSED))
