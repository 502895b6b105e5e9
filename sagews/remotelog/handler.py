"""The handler that puts records into the spool.

Invariants: `emit` returns after one write to a local file, whatever happens elsewhere, and raises nothing. What it
cannot keep it counts, and says so in a record as soon as there is room. Of the numbers 1, 2, ... of a process, just
those of dropped records are missing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sagews.remotelog.record import record_line
from sagews.remotelog.spool import RESERVE_BYTES, Spool


class RemoteHandler(logging.Handler):
    """Spools every record. In a forked child it does nothing: the spool belongs to one process."""

    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self.dropped = 0
        """Records that were not kept, since the start."""
        self.wake: Callable[[], object] | None = None
        """Called, once, when the next record is in the spool; set by who waits for one."""
        self._spool = spool
        self._n = 0
        self._untold = 0
        """Of the dropped ones, those that no record has told of yet."""
        self._pid = os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        if os.getpid() != self._pid:
            return
        try:
            if self._untold:
                self._tell()
            self._n += 1
            if self._untold or not self._spool.append(record_line(record, self._n)):
                self._drop()
        except Exception:  # noqa: BLE001 - logging must never end what logs
            self.dropped += 1
            self._untold += 1
        wake, self.wake = self.wake, None
        if wake is not None:
            with suppress(OSError):  # who waited has just stopped
                wake()

    def tell_dropped(self) -> None:
        """Say how many records were dropped, if there is room again. Called when room was made."""
        self.acquire()
        try:
            if self._untold:
                self._tell()
        finally:
            self.release()

    def close(self) -> None:
        """Keep nothing any more; repeatable."""
        self.tell_dropped()
        super().close()

    def _drop(self) -> None:
        if not self._untold:
            self._say("Log spool is full; records are dropped", "log_spool_full", RESERVE_BYTES)
        self.dropped += 1
        self._untold += 1

    def _tell(self) -> None:
        """Only if afterwards a record has room, too: else each one would cost a record that says so."""
        if self._say("Log records dropped", "log_records_dropped", -RESERVE_BYTES, dropped=self._untold):
            self._untold = 0

    def _say(self, event: str, action: str, spare_bytes: int, **fields: Any) -> bool:
        """Put a record of our own into the spool; False where it has no room, and so no number."""
        facts = {"name": __name__, "levelno": logging.WARNING, "msg": event, "action": action} | fields
        said = self._spool.append(record_line(logging.makeLogRecord(facts), self._n + 1), spare_bytes=spare_bytes)
        self._n += said
        return said
