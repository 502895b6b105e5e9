"""CacheServer: one memcached, asked in a bounded time.

Invariant: every question ends within the time-out, with an answer or with None, whatever the other side does; after
one that failed the connection is closed (its rest could be taken for an answer to the next) and nobody asks for a
second.

It speaks the few commands that we need by itself (memcached's protocol.txt). The client aiomcache keeps a connection
whose question was cancelled, so that later ones get each other's answers; and where the connection ends within an
answer, it never returns, and blocks the event loop (tried).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sagews.errors import SagewsError

log = logging.getLogger(__name__)

T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LEAVE_ALONE_SECONDS = 1.0
LARGEST_BYTES = 2**20
"""What a memcached keeps at most under one key, as it is set up by default."""


class CacheServer:
    """A connection to one memcached, made when it is needed; used from one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]], timeout_seconds: float) -> None:
        """
        :param connect: opens a connection; whatever it raises of `OSError` and `SagewsError` means "does not answer".
        :param timeout_seconds: for one question, connecting included.
        """
        self._connect = connect
        self._timeout_seconds = timeout_seconds
        self._streams: Streams | None = None
        self._turn = asyncio.Lock()
        self._failed_at = float("-inf")
        self._is_down = False

    async def get(self, *names: str) -> dict[str, bytes] | None:
        """What is kept under these names; None: it does not answer."""
        request = f"get {' '.join(names)}\r\n".encode()

        async def read(reader: asyncio.StreamReader) -> dict[str, bytes]:
            return await _read_values(reader, set(names))

        return await self._ask(request, read)

    async def set(self, name: str, value: bytes, seconds: float, *, only_new: bool = False) -> bool:
        """Keep a value; whether it was kept.

        :param seconds: for how long at most; counted in whole seconds, rounded up.
        :param only_new: only if there is none of that name.
        """
        command = "add" if only_new else "set"
        request = f"{command} {name} 0 {max(1, math.ceil(seconds))} {len(value)}\r\n".encode() + value + b"\r\n"
        return await self._ask(request, _read_stored) or False

    def close(self) -> None:
        """Close the connection; repeatable."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _ask(self, request: bytes, read: Callable[[asyncio.StreamReader], Awaitable[T]]) -> T | None:
        if time.monotonic() - self._failed_at < LEAVE_ALONE_SECONDS:
            return None
        try:
            async with asyncio.timeout(self._timeout_seconds), self._turn:
                answer = await self._exchange(request, read)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, SagewsError) as error:
            self._note_failure(error)
            return None
        self._note_success()
        return answer

    async def _exchange(self, request: bytes, read: Callable[[asyncio.StreamReader], Awaitable[T]]) -> T:
        complete = False
        try:
            if self._streams is None or self._streams[0].at_eof():
                self.close()
                self._streams = await self._connect()
            reader, writer = self._streams
            writer.write(request)
            answer = await read(reader)
            complete = True
            return answer
        finally:
            if not complete:  # also where we are cancelled
                self.close()

    def _note_failure(self, error: Exception) -> None:
        self._failed_at = time.monotonic()
        if not self._is_down:
            self._is_down = True
            what = str(error) or type(error).__name__
            log.warning("Cache does not answer", extra={"action": "cache_down", "error": what})

    def _note_success(self) -> None:
        if self._is_down:
            self._is_down = False
            log.info("Cache answers again", extra={"action": "cache_up"})


async def _read_values(reader: asyncio.StreamReader, wanted: set[str]) -> dict[str, bytes]:
    """:raises ValueError: this is no answer to our question."""
    found: dict[str, bytes] = {}
    while (line := await _read_line(reader)) != b"END":
        word, name, _, size = line.decode("ascii").split(" ")
        if word != "VALUE" or name not in wanted - set(found) or not 0 <= int(size) <= LARGEST_BYTES:
            raise ValueError("no answer to what was asked")
        content = await reader.readexactly(int(size) + 2)
        if not content.endswith(b"\r\n"):
            raise ValueError("a value of another length")
        found[name] = content[:-2]
    return found


async def _read_stored(reader: asyncio.StreamReader) -> bool:
    """:raises ValueError: this is no answer to our question."""
    line = await _read_line(reader)
    if line not in (b"STORED", b"NOT_STORED"):
        raise ValueError(f"not stored: {line[:80]!r}")
    return line == b"STORED"


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readuntil(b"\r\n")  # IncompleteReadError is an EOFError
    return line[:-2]
