"""Door: a listening socket of the worker, and who comes in by it.

Invariant: every accepted socket is counted from the moment of `accept`, before its TLS handshake, so
that peers who never greet cannot use up the worker's descriptors.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import struct
from collections.abc import Callable

from sagews.worker.connection import Connection
from sagews.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

REST_SECONDS = 0.5
"""Where there is no descriptor or memory for one more; nothing tells when there is."""
_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
CREDENTIALS = struct.Struct("3i")
"""SO_PEERCRED: pid, uid, gid (unix(7))."""


class Door:
    """Accepts peers on one socket."""

    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext | None,
        make: Callable[[str], Connection],
        may_enter: Callable[[], bool],
        settings: WorkerSettings,
    ) -> None:
        """
        :param listener: bound and listening, non-blocking.
        :param context: with mutual certificates; None on a Unix socket, where the peer's uid must be ours or root's.
        :param make: makes the protocol of an accepted socket, which counts from then on; is given the peer's address.
        :param may_enter: whether there is room for one more.
        """
        self.listener = listener
        self._context = context
        self._make = make
        self._may_enter = may_enter
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        self._resting: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Accept nobody any more."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self.listener)
        self.listener.close()
        for task in self._entering:
            task.cancel()

    def _listen(self) -> None:
        self._resting = None
        self._loop.add_reader(self.listener, self._accept)

    def _rest(self) -> None:
        """Who waits goes on waiting; to be told of them at once again would be a loop without a pause."""
        self._loop.remove_reader(self.listener)
        self._resting = self._loop.call_later(REST_SECONDS, self._listen)

    def _accept(self) -> None:
        try:
            accepted, address = self.listener.accept()
        except OSError as error:
            log.warning("Cannot accept", extra={"action": "accept_failed", "error": str(error)})
            if error.errno in _SHORT:
                self._rest()
            return
        accepted.setblocking(False)
        if not self._may_enter() or not self._is_ours(accepted):
            log.warning("Peer turned away", extra={"action": "peer_turned_away"})
            accepted.close()
            return
        connection = self._make(str(address[0]) if accepted.family != socket.AF_UNIX else "")
        task = self._loop.create_task(self._enter(connection, accepted))
        connection.on_abort = task.cancel
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    def _is_ours(self, accepted: socket.socket) -> bool:
        if accepted.family != socket.AF_UNIX:
            return True
        data = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        return CREDENTIALS.unpack(data)[1] in (0, os.geteuid())

    async def _enter(self, connection: Connection, accepted: socket.socket) -> None:
        timeout = self._settings.hello_seconds if self._context is not None else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=self._context, ssl_handshake_timeout=timeout
            )
        except asyncio.CancelledError:
            accepted.close()
            connection.connection_lost(None)
            raise
        except (OSError, ssl.SSLError) as error:
            log.info("TLS handshake failed", extra={"action": "handshake_failed", "error": str(error)})
            accepted.close()
            connection.connection_lost(None)
