"""One SockJS session as the application sees it.

Invariant: `on_open` is called first, `on_close` last, each once, and between them
`on_message` for one message after the other, in the order in which the client sent them.
"""

from __future__ import annotations

from typing import Protocol

from sagews.backend.sockjs.facts import RequestFacts
from sagews.errors import Disconnected


class Peer(Protocol):
    """The far end of a connection, whatever the transport."""

    async def send(self, text: str) -> None:
        """Send one message."""

    def close(self, code: int, reason: str) -> None:
        """End the session."""


class Connection:
    """What the application does with one client; made for each session by the ``open_connection`` given to `routes`.

    Subclass it, override the three ``on_`` methods, call `send` and `close` from any task of the event loop::

        class Echo(Connection):
            async def on_message(self, text: str) -> None:
                await self.send(text)

    An exception out of an ``on_`` method is logged and ends the session with code 1011.
    """

    def __init__(self, facts: RequestFacts) -> None:
        """
        :param facts: the opening request; kept as ``self.facts``.
        """
        self.facts = facts
        self._peer: Peer | None = None

    def attach_peer(self, peer: Peer) -> None:
        """Called by the transport, before `on_open`."""
        self._peer = peer

    async def on_open(self) -> None:
        """The session is open: `send` works from now on."""

    async def on_message(self, text: str) -> None:
        """The client sent a message; the next one comes only after this returns.

        :param text: any string, even with lone surrogates, at most `SockJSSettings.maximum_message_bytes`.
        """

    async def on_close(self) -> None:
        """The session is over, whoever ended it: `send` raises from now on."""

    async def send(self, text: str) -> None:
        """Send one message; waits while the client's buffer is full, so a slow client slows its sender.

        Messages arrive in the order in which `send` was called.

        :param text: any string.
        :raises Disconnected: the session is not open, or ended while this waited.
        """
        if self._peer is None:
            raise Disconnected("The connection is not open yet.")
        await self._peer.send(text)

    def close(self, code: int = 3000, reason: str = "Go away!") -> None:
        """End the session; what was sent before still goes to the client. Again or later: does nothing.

        :param code: 3000 to 4999, as in WebSockets (RFC 6455, section 7.4).
        :param reason: what the client is told; at most 123 bytes of UTF-8 arrive by WebSocket.
        """
        if self._peer is not None:
            self._peer.close(code, reason)
