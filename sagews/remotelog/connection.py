"""The connection of a program to the log server: TLS, a greeting, then batches, each acknowledged.

Invariant: `send` returns when the log server has the batch in its database, or raises; then nothing is known of it
and it has to be sent again.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

import sagews
from sagews.errors import Disconnected, MessageError
from sagews.messages.connection import PROTOCOL, Done, Hello, Refused, Welcome
from sagews.messages.frame import Frame, Message
from sagews.messages.framing import Decoder, encode

GREETING_SECONDS = 10.0
ANSWER_BYTES = 64 * 1024
KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000))
"""tcp(7): a machine that is cut off is noticed within half a minute. (A log server that is slow may take its time.)"""


class LogConnection:
    """One greeted connection. Making it connects."""

    def __init__(self, address: str, port: int, context: ssl.SSLContext) -> None:
        """
        :param address: that the server's certificate names.
        :raises OSError: it cannot be reached, or the certificates do not fit.
        :raises SagewsError: it refuses us.
        """
        plain = socket.create_connection((address, port), timeout=GREETING_SECONDS)
        try:
            _keep_alive(plain)
            self._socket = context.wrap_socket(plain, server_hostname=address)
        except BaseException:
            plain.close()
            raise
        self._decoder = Decoder(ANSWER_BYTES)
        self._requests = 0
        try:
            self.welcome = self._greet()
        except BaseException:
            self.close()
            raise
        self._socket.settimeout(None)

    def send(self, content: Message, lines: bytes) -> None:
        """Send records and wait until they are in the database.

        :raises OSError: the connection broke.
        :raises SagewsError: it ended, or the log server refuses them.
        """
        self._requests += 1
        self._socket.sendall(encode(Frame(content=content, request=self._requests, payload=lines)))
        answer = self._answer()
        if not isinstance(answer.content, Done) or answer.request != self._requests:
            raise _wrong(answer)

    def fileno(self) -> int:
        """To wait for its end: readable, then `has_ended`."""
        return self._socket.fileno()

    def has_ended(self) -> bool:
        """Whether the log server closed it. Called between two `send`: there is nothing that it could say."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)  # its end, or something out of turn
            return True
        except ssl.SSLWantReadError:
            return False  # a part of TLS itself, such as a ticket
        except OSError:
            return True
        finally:
            self._socket.settimeout(None)

    def interrupt(self) -> None:
        """Let a `send` that waits in another thread fail."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; repeatable."""
        self._socket.close()

    def _greet(self) -> Welcome:
        hello = Hello(PROTOCOL, PROTOCOL, build=sagews.__version__, role="log")
        self._socket.sendall(encode(Frame(content=hello)))
        answer = self._answer()
        if not isinstance(answer.content, Welcome):
            raise _wrong(answer)
        return answer.content

    def _answer(self) -> Frame:
        while True:
            data = self._socket.recv(4096)
            if not data:
                raise Disconnected("The log server closed the connection.")
            frames = self._decoder.feed(data)
            if frames:
                return frames[0]


def _keep_alive(plain: socket.socket) -> None:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):  # Linux has them all
            plain.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _wrong(answer: Frame) -> MessageError:
    if isinstance(answer.content, Refused):
        return MessageError(f"The log server refuses: {answer.content.what}", mend=answer.content.what_to_do)
    return MessageError(f"The log server answers with {answer.content.type!r}.")


Connect = Callable[[], LogConnection]
