"""Monitoring: what a program of ours says over HTTPS to who watches it, ``/metrics`` and ``/healthz``.

Invariants: only who shows a certificate of the site is answered; every request and every connection has its bounds;
one request a connection, so that nothing stays open.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sagews.certificates import CertificateFolder, Role, require_role
from sagews.configuration import Configuration
from sagews.errors import NotAllowed, SetupError

log = logging.getLogger(__name__)

REQUEST_BYTES = 8 * 1024
SECONDS = 5.0
"""For the handshake, for a request, and for its answer to be taken."""
CONNECTIONS = 32

Page = tuple[HTTPStatus, str, bytes]
"""Status, type of the content, content."""


class CertificateEnd(Collector):
    """When the certificate of this program ends, read when it is asked: it is renewed while the program runs."""

    def __init__(self, configuration: Configuration, role: Role) -> None:
        self._folder = CertificateFolder(path=configuration.certificate_folder)
        self._role, self._host = role, configuration.host

    def collect(self) -> Iterator[Metric]:
        """The end, in seconds since 1970; nothing where the certificate is missing."""
        with suppress(SetupError):
            ends = self._folder.expires(self._role, self._host).timestamp()
            yield GaugeMetricFamily("sagews_certificate_ends_seconds", "When the certificate ends (Unix time).", ends)


class Monitoring:
    """A small HTTPS server."""

    def __init__(self, registry: CollectorRegistry, health: Callable[[], dict[str, bool]]) -> None:
        """
        :param registry: what ``/metrics`` tells.
        :param health: the parts of the program and whether each is well, for ``/healthz``.
        """
        self._registry = registry
        self._health = health
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, address: str, port: int, context: ssl.SSLContext) -> int:
        """Listen; returns the port.

        :param context: as `sagews.certificates.server_context` makes it.
        :raises SetupError: the address is taken.
        """
        try:
            self._server = await asyncio.start_server(
                self._accept, address, port, ssl=context, ssl_handshake_timeout=SECONDS, limit=REQUEST_BYTES
            )
        except OSError as error:
            raise SetupError(
                f"Cannot listen on {address} port {port}: {error.strerror}.",
                mend="Stop what uses it, or choose another monitoring_port.",
            ) from error
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Close everything; repeatable."""
        if self._server:
            self._server.close()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            try:
                async with asyncio.timeout(SECONDS):
                    writer.write(_bytes(await self._answer(reader, writer)))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
            finally:
                writer.transport.abort()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> Page:
        request = await reader.readuntil(b"\r\n\r\n")
        try:
            require_role(writer.get_extra_info("ssl_object"), set(Role))
        except NotAllowed as error:
            return _text(HTTPStatus.FORBIDDEN, str(error))
        if len(self._serving) > CONNECTIONS:
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections; ask again later.")
        method, _, rest = request.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method != b"GET":
            return _text(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET is answered here.")
        if path == b"/metrics":
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path == b"/healthz":
            return self._told_health()
        return _text(HTTPStatus.NOT_FOUND, "There are /metrics and /healthz.")

    def _told_health(self) -> Page:
        parts = self._health()
        lines = "\n".join(f"{name}: {'well' if well else 'NOT WELL'}" for name, well in parts.items())
        return _text(HTTPStatus.OK if all(parts.values()) else HTTPStatus.SERVICE_UNAVAILABLE, lines)


def _text(status: HTTPStatus, text: str) -> Page:
    return status, "text/plain; charset=utf-8", f"{text}\n".encode()


def _bytes(page: Page) -> bytes:
    status, content_type, content = page
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(content)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + content
