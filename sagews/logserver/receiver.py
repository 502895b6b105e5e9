"""The receiver: listens for programs of the site that log, and acknowledges what is in the database.

Invariants: who has no certificate of a role that logs gets nothing done. Memory is bounded: of a connection at most
one batch is held, of all together `BATCHES` of them, and nothing is read from who waits for the database. Who keeps
us waiting longer than the limit is cut off; who waits for us is not.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from datetime import UTC, datetime

import sagews
from sagews.certificates import Role, require_role
from sagews.errors import Disconnected, MessageError, OverLimit, SagewsError, SetupError, TooLarge
from sagews.logserver.figures import Figures
from sagews.logserver.intake import Sender, take
from sagews.logserver.writer import Writer
from sagews.messages.connection import PROTOCOL, Done, Hello, Refused, Welcome
from sagews.messages.frame import Frame, from_json, parse
from sagews.messages.framing import LENGTH, encode
from sagews.messages.logs import BATCH_BYTES, LogRecords

log = logging.getLogger(__name__)

ROLES = frozenset({Role.BACKEND, Role.WORKER, Role.LOGSERVER, Role.ADMIN})
HEADER_BYTES = 4096
BUFFER_BYTES = 16 * 1024
"""Read ahead from one connection."""
BATCHES = 64
"""Held at once; 16 MiB of lines, a few times that much when they are read."""
HANDSHAKE_SECONDS = 10.0
DRAIN_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a receiver allows."""

    connections: int
    silence_seconds: float


class Receiver:
    """Listens; the records go to a `Writer`."""

    def __init__(self, writer: Writer, figures: Figures, bounds: Bounds) -> None:
        self._writer = writer
        self._figures = figures
        self._bounds = bounds
        self._room = asyncio.Semaphore(BATCHES)
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, address: str, port: int, context: ssl.SSLContext) -> int:
        """Listen; returns the port.

        :raises SetupError: the address is taken.
        """
        seconds = min(HANDSHAKE_SECONDS, self._bounds.silence_seconds)
        try:
            self._server = await asyncio.start_server(
                self._accept, address, port, ssl=context, ssl_handshake_timeout=seconds, limit=BUFFER_BYTES
            )
        except OSError as error:
            raise SetupError(
                f"Cannot listen on {address} port {port}: {error.strerror}.",
                mend="Stop what uses it, or choose another logserver.port.",
            ) from error
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Close everything. What is not acknowledged yet comes again, to the next log server."""
        if self._server:
            self._server.close()
        if self._serving:
            for task in self._serving:
                task.cancel()
            await asyncio.wait(self._serving, timeout=DRAIN_SECONDS)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        self._figures.connections.set(len(self._serving))
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # a mistake of ours; the records come again
            log.error("Log connection failed", exc_info=error, extra={"action": "log_connection_failed"})
        self._figures.connections.set(len(self._serving))

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (OSError, EOFError, Disconnected):
            pass  # it went away, as programs do
        except SagewsError as error:
            await self._refuse(writer, error)
        except TimeoutError:
            self._cut("silent")
        finally:
            _end(writer)

    async def _converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        if len(self._serving) > self._bounds.connections:
            raise OverLimit("The log server has as many connections as it may.")
        role = require_role(writer.get_extra_info("ssl_object"), ROLES)
        hello, payload_bytes = await self._header(reader)
        if payload_bytes or not isinstance(hello.content, Hello) or hello.content.role != "log":
            raise MessageError("A log server wants to be greeted first, by who logs.")
        if not hello.content.protocol_minimum <= PROTOCOL <= hello.content.protocol_maximum:
            raise MessageError(f"Protocol {PROTOCOL} is spoken here.", mend="Bring both sides to the same version.")
        await self._say(writer, Frame(content=Welcome(PROTOCOL, sagews.__version__)))
        while True:
            try:
                header, payload_bytes = await self._header(reader)
            except TimeoutError:
                return  # it has nothing to say, and comes back when it has
            async with self._room:
                await self._take(reader, writer, header, payload_bytes, role)

    async def _take(self, reader: StreamReader, writer: StreamWriter, header: Frame, size: int, role: Role) -> None:
        async with asyncio.timeout(self._bounds.silence_seconds):
            lines = await reader.readexactly(size)
        content = header.content
        if not isinstance(content, LogRecords):
            raise MessageError(f"A log server takes no {content.type!r}.")
        taken = take(Sender(role.value, content.instance, content.host, content.process), lines, datetime.now(UTC))
        self._figures.refused.inc(taken.refused)
        self._figures.lost.inc(taken.lost)
        if taken.lost:
            fields = {"action": "log_lines_lost", "of_process": content.process, "lost": taken.lost}
            log.warning("Lines came that are no log records", extra=fields)
        await self._writer.write(taken.records)
        await self._say(writer, Frame(content=Done(), request=header.request))

    async def _header(self, reader: StreamReader) -> tuple[Frame, int]:
        """The next frame without its payload, and the payload's size."""
        async with asyncio.timeout(self._bounds.silence_seconds):
            return await _header(reader)

    async def _say(self, writer: StreamWriter, frame: Frame) -> None:
        writer.write(encode(frame))
        async with asyncio.timeout(self._bounds.silence_seconds):
            await writer.drain()

    async def _refuse(self, writer: StreamWriter, error: SagewsError) -> None:
        self._cut(str(error))
        writer.write(encode(Frame(content=Refused.because(error))))
        try:
            async with asyncio.timeout(1):
                await writer.drain()
        except (OSError, TimeoutError):
            return  # it does not listen

    def _cut(self, reason: str) -> None:
        self._figures.turned_away.inc()
        log.warning("Log connection closed", extra={"action": "log_connection_closed", "reason": reason})


async def _header(reader: StreamReader) -> tuple[Frame, int]:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > HEADER_BYTES:
        raise TooLarge(f"A header of {length} bytes is announced, {HEADER_BYTES} are allowed.")
    data = parse(await reader.readexactly(length))
    size = data.pop("payload", 0) if isinstance(data, dict) else 0
    if type(size) is not int or not 0 <= size <= BATCH_BYTES:
        raise TooLarge(f"A payload of {size} bytes is announced, {BATCH_BYTES} are allowed.")
    return from_json(data), size


def _end(writer: StreamWriter) -> None:
    """Close; at once where it does not take what it was sent."""
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
    else:
        writer.close()
