"""SessionWriting: what goes to a session, and waits while it does not read. Invariant: what waits is bounded."""

from __future__ import annotations

import asyncio
import socket

from sagews.errors import OverLimit

WAITING_BYTES = 8 * 1024 * 1024
"""That may wait for a session which does not read because it is busy; what would make it more is refused."""


class SessionWriting:
    """To one session."""

    def __init__(self, messages: socket.socket) -> None:
        """:param messages: does not block."""
        self._loop = asyncio.get_running_loop()
        self._socket = messages
        self._unsent = bytearray()

    def check_room(self, size: int) -> None:
        """Raises OverLimit where so many bytes more may not wait; where nothing waits, any number may."""
        if self._unsent and len(self._unsent) + size > WAITING_BYTES:
            raise OverLimit(
                f"The session is busy, and {len(self._unsent)} bytes wait for it already.",
                mend="Wait until it has read them, or interrupt it.",
            )

    def write(self, data: bytes) -> None:
        """Send it, after what waits."""
        self._unsent += data
        self._write()

    def stop(self) -> None:
        """The session is over."""
        self._unsent.clear()
        self._loop.remove_writer(self._socket)

    def _write(self) -> None:
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent)
                del self._unsent[:sent]
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._write)
            return
        except (BrokenPipeError, ConnectionResetError):
            # Its end is on its way; `SessionProcess.ended` will tell.
            self._unsent.clear()
        self._loop.remove_writer(self._socket)
