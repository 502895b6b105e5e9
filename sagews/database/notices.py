"""Notices: what is told to every backend at once when somebody changes something in the database.

Invariants: a notice is told when its change is committed, and only then; it says where to look, and is never proof of
anything: who hears it reads the database. Notices can be missed (the database was away); `Notices.listen` says when.

PostgreSQL carries them (LISTEN and NOTIFY) to every process. On SQLite they stay within this process: such a site has
one backend.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database.failures import translated
from sagews.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

CHANNEL = "sagews"
CHECK_SECONDS = 10.0
"""How often a connection that says nothing is asked for a sign of life."""
ANSWER_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


class Topic(StrEnum):
    """What was changed."""

    PERMISSION = "permission"
    """``account`` has another role in workspace ``id``, or none."""
    DELETED = "deleted"
    """Workspace ``id`` was deleted."""
    GONE = "gone"
    """Workspace ``id`` is deleted for good: nothing of it is to be left anywhere."""
    OPENED = "opened"
    """Workspace ``id`` is open at ``epoch``."""
    ACCOUNT = "account"
    """Account ``id`` was disabled, or one of its tokens was made useless."""
    PUBLISHED = "published"
    """Publication ``id`` ("" = some) shows something else now."""
    WORKER = "worker"
    """Worker ``id`` is drained, or used again."""


@dataclass(frozen=True)
class Notice:
    """One change."""

    topic: Topic
    id: str
    account: str = ""
    epoch: int = 0

    def payload(self) -> str:
        """As PostgreSQL carries it: JSON in ASCII, without NUL; far below the 8000 bytes that it may have."""
        return json.dumps(asdict(self))

    @classmethod
    def of_payload(cls, payload: str) -> Notice:
        """Undo `payload`.

        :raises ValueError: it is none of ours.
        """
        try:
            fields = json.loads(payload)
            return cls(Topic(fields.pop("topic")), **fields)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no notice: {payload[:100]!r}") from error


Hear = Callable[[Notice], None]


class Notices:
    """Hearing what is changed, by whichever process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._hearers: list[Hear] = []

    def tell_here(self, notice: Notice) -> None:
        """Tell those who listen in this process."""
        for hear in tuple(self._hearers):
            hear(notice)

    async def listen(self, hear: Hear, missed: Callable[[], None]) -> None:
        """Listen until cancelled.

        :param hear: gets each notice; must not wait.
        :param missed: called whenever listening begins (again): what was told before then was perhaps not heard.
        """
        self._hearers.append(hear)
        try:
            if self._is_sqlite:
                missed()
                await asyncio.Event().wait()
            await self._listen(missed)
        finally:
            self._hearers.remove(hear)

    async def _listen(self, missed: Callable[[], None]) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                with translated():
                    async with self._engine.connect() as connection:
                        raw = (await connection.get_raw_connection()).driver_connection
                        try:
                            await self._use(raw, missed)
                        finally:
                            # It still listens: the pool must not give it to anybody else.
                            await connection.invalidate()
            except DatabaseUnavailable as error:
                log.info("Notices are not heard", extra={"action": "notices_not_heard", "what": error.what})
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS

    async def _use(self, raw: Any, missed: Callable[[], None]) -> None:
        """Hear until this connection ends."""
        ended = asyncio.Event()
        raw.add_termination_listener(lambda _: ended.set())
        await raw.add_listener(CHANNEL, self._heard)
        missed()
        log.info("Notices are heard", extra={"action": "notices_heard"})
        while not ended.is_set():
            try:
                await asyncio.wait_for(ended.wait(), CHECK_SECONDS)
            except TimeoutError:
                await raw.fetchval("SELECT 1", timeout=ANSWER_SECONDS)

    def _heard(self, connection: object, pid: int, channel: str, payload: str) -> None:
        try:
            notice = Notice.of_payload(payload)
        except ValueError as error:
            log.warning("Notice not understood", extra={"action": "notice_not_understood", "what": str(error)})
            return
        self.tell_here(notice)
