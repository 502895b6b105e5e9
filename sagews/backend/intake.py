"""The body of a request as it comes in.

Invariant: holds at most the limit of a JSON body, or one piece of a file: the socket waits for whoever takes them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from sagews.backend.bell import Bell
from sagews.errors import Disconnected, TooLarge


class Intake:
    """Takes the pieces of a body from the HTTP server; keeps them, or hands them on."""

    def __init__(self) -> None:
        self.broken = False
        """The client went away."""
        self._limit = 0
        self._size = 0
        self._keeps = True
        self._discards = False
        self._ended = False
        self._too_large = False
        self._buffer = bytearray()
        self._piece = b""
        self._bell = Bell()

    def limit(self, limit: int, *, keeps: bool) -> None:
        """Allow so many bytes; `keeps` them for `kept`, or hands them to `pieces`."""
        self._limit, self._keeps = limit, keeps

    async def put(self, piece: bytes) -> None:
        """Take a piece; waits while the one before has not been taken from here."""
        self._size += len(piece)
        if self._discards:
            return
        if self._size > self._limit:
            self._too_large = True
            self.discard()
        elif self._keeps:
            self._buffer += piece
        else:
            await self._bell.until(lambda: not self._piece or self._discards)
            self._piece = piece
            self._bell.ring()

    def end(self) -> None:
        """That was all."""
        self._ended = True
        self._bell.ring()

    def discard(self) -> None:
        """Nobody wants the rest."""
        self._discards = True
        self._bell.ring()

    def break_off(self) -> None:
        """The client went away."""
        self.broken = True
        self._bell.ring()

    def kept(self) -> bytes:
        """The whole body.

        :raises TooLarge: it is longer than allowed.
        """
        if self._too_large:
            raise TooLarge(f"The body has more than {self._limit} bytes.")
        return bytes(self._buffer)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, piece by piece.

        :raises TooLarge: it is longer than allowed.
        :raises Disconnected: the client went away before its end.
        """
        while True:
            await self._bell.until(lambda: self._piece or self._ended or self._too_large or self.broken)
            piece, self._piece = self._piece, b""
            self._bell.ring()
            if self._too_large:
                raise TooLarge(f"The body has more than {self._limit} bytes.")
            if self.broken:
                raise Disconnected("The client went away before the end of the file.")
            if not piece:
                return
            yield piece
