"""The thread that ships the spool to the log server.

Invariants: it sleeps until there is a record, and never makes a log call wait; while the log server is away it tries
again after pauses that grow to `LONGEST_PAUSE_SECONDS`; it says so once, and once when it is over.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from dataclasses import dataclass

from sagews.errors import SagewsError
from sagews.messages.logs import LogRecords
from sagews.remotelog.connection import Connect, LogConnection
from sagews.remotelog.handler import RemoteHandler
from sagews.remotelog.spool import Spool
from sagews.remotelog.spool_reader import SpoolReader

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
"""After the first record, so that a burst travels together: on a busy machine each turn of this thread can hold up
the others of its program."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Origin:
    """Whose records these are."""

    instance: int
    host: str


class Shipper:
    """Ships what `handler` spools, from `start` to `stop`."""

    def __init__(self, spool: Spool, handler: RemoteHandler, connect: Connect, origin: Origin) -> None:
        self._spool = spool
        self._handler = handler
        self._connect = connect
        self._origin = origin
        self._reader = SpoolReader(spool)
        self._connection: LogConnection | None = None
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._away = False
        self._torn_told = 0
        self._thread = threading.Thread(target=self._run, name="log shipper", daemon=True)

    def start(self) -> None:
        """Begin; called once."""
        self._thread.start()

    def stop(self, patience_seconds: float) -> None:
        """Ship what is there, for so long at most; the rest is left to the next process. Called once."""
        self._stopping.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(patience_seconds)
            connection = self._connection
            if self._thread.is_alive() and connection is not None:
                connection.interrupt()
                self._thread.join(patience_seconds)
        if not self._thread.is_alive():
            self._handler.wake = None
            self._reader.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _wake(self) -> None:
        os.write(self._wake_write, b"\0")

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set() or (self._reader.waits and not self._away):
            try:
                self._wait_for_records()
                self._ship()
                pause = FIRST_PAUSE_SECONDS
            except (OSError, SagewsError) as error:
                self._disconnect()
                self._say_away(error)
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self._disconnect()

    def _wait_for_records(self) -> None:
        """Until there is one, or we shall stop. A connection that ends meanwhile is closed."""
        while not self._stopping.is_set():
            self._handler.wake = self._wake
            if self._reader.waits:
                self._handler.wake = None
                self._stopping.wait(GATHER_SECONDS)
                return
            poll = select.poll()
            poll.register(self._wake_read, select.POLLIN)
            if self._connection:
                poll.register(self._connection.fileno(), select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            elif self._connection and self._connection.has_ended():
                self._disconnect()

    def _ship(self) -> None:
        """Everything that is there."""
        while batch := self._reader.next():
            if self._connection is None:
                self._connection = self._connect()
            what = LogRecords(batch.process, instance=self._origin.instance, host=self._origin.host)
            self._connection.send(what, batch.lines)
            self._reader.acknowledge(batch)
            self._handler.tell_dropped()
            self._say_here()
        if self._reader.torn > self._torn_told:
            fields = {"action": "log_records_torn", "torn": self._reader.torn - self._torn_told}
            self._torn_told = self._reader.torn
            log.warning("Log records of a process that was killed are incomplete", extra=fields)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def _say_away(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            log.warning("Log server does not answer", extra={"action": "log_server_away", "error": str(error)})

    def _say_here(self) -> None:
        if self._away:
            self._away = False
            fields = {"action": "log_server_back", "waiting_bytes": self._spool.held_bytes}
            log.info("Log server answers again", extra=fields)
