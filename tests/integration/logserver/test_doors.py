"""Promise: only programs of the site that log get in, and who is slow or silent is closed; memory stays bounded."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sagews.certificates import Identity, Role, client_context, ensure, identity_of
from sagews.certificates.roles import LOOPBACK, Subject
from sagews.component import Instance
from sagews.component.supervision import Supervision
from sagews.configuration.run_files import read_status
from sagews.errors import MessageError, SagewsError, Unavailable
from sagews.logserver.component import LogServerComponent
from sagews.messages.connection import PROTOCOL, Hello
from sagews.messages.frame import Frame
from sagews.messages.framing import LENGTH, encode
from sagews.messages.logs import BATCH_BYTES, LogRecords
from sagews.remotelog import LogConnection
from tests.integration.logserver.site import LogSite
from tests.waiting import eventually

pytestmark = pytest.mark.postgresql

INSTANCE = Instance("logserver", 0, "localhost")


async def test_it_answers_the_site_s_administrator(site: LogSite) -> None:
    component = LogServerComponent(site.configuration, site.file, Supervision(site.configuration, ()))
    with pytest.raises(Unavailable):
        component.answers(INSTANCE)
    await site.start_server()
    health = await asyncio.to_thread(component.answers, INSTANCE)
    assert health.detail == "takes records"
    assert health.version


@pytest.mark.parametrize("role", [Role.LOADBALANCER, Role.POSTGRESQL, Role.PUBLIC])
async def test_another_role_is_refused(site: LogSite, role: Role, tmp_path: Path) -> None:
    await site.start_server()
    identity = _issued(site, role)
    with pytest.raises((SagewsError, OSError)):
        await asyncio.to_thread(LogConnection, "127.0.0.1", site.port, client_context(identity))


async def test_certificates_of_others_are_refused(site: LogSite, tmp_path: Path) -> None:
    await site.start_server()
    subject = Subject(role=Role.BACKEND, host="localhost", names=LOOPBACK)
    strangers = ensure(tmp_path / "strangers", (subject,)).identity(Role.BACKEND)
    ours = identity_of(site.configuration, Role.BACKEND)
    theirs = Identity(certificate=strangers.certificate, authority=ours.authority)
    with pytest.raises((SagewsError, OSError)):
        await asyncio.to_thread(LogConnection, "127.0.0.1", site.port, client_context(theirs))
    old = datetime.now(UTC) - timedelta(days=800)
    ensure(site.configuration.certificate_folder, (subject,), now=old, anew=True)
    with pytest.raises((SagewsError, OSError)):
        await asyncio.to_thread(LogConnection, "127.0.0.1", site.port, client_context(ours))
    nobody = ssl.create_default_context(cafile=str(ours.authority))
    with pytest.raises((SagewsError, OSError)):
        await asyncio.to_thread(LogConnection, "127.0.0.1", site.port, nobody)


def _announced(size: int) -> bytes:
    return LENGTH.pack(size)


GREETING = encode(Frame(content=Hello(PROTOCOL, PROTOCOL, build="", role="log")))
BATCH = encode(Frame(content=LogRecords("p"), request=1, payload=b"x" * 1000))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        GREETING[:7],
        GREETING,
        GREETING + BATCH[:-1],
        _announced(2**31),
        _announced(10) + b"x" * 10,
        encode(Frame(content=Hello(PROTOCOL + 1, PROTOCOL + 1, build="", role="log"))),
        encode(Frame(content=Hello(PROTOCOL, PROTOCOL, build="", role="backend"))),
        GREETING + encode(Frame(content=LogRecords("p"), payload=b"x" * (BATCH_BYTES + 1))),
        GREETING + GREETING,
    ],
)
async def test_who_is_silent_slow_or_talks_nonsense_is_closed(site: LogSite, said: bytes) -> None:
    site = replace(site, more="silence_seconds = 0.3")
    site.make()
    await site.start_server()
    with _tls(site) as connection:
        connection.sendall(said)
        assert await asyncio.to_thread(_until_closed, connection)
    program = site.start_program()
    program.log(1)
    assert len(await site.records(at_least=1)) == 1
    program.stop()


async def test_a_program_that_had_nothing_to_say_for_long_connects_again(site: LogSite) -> None:
    site = replace(site, more="silence_seconds = 0.5")
    site.make()
    await site.start_server()
    program = site.start_program()
    program.log(1)
    await site.records(at_least=1)

    def alone() -> bool:
        return "sagews_log_connections 0.0" in _get(site, "/metrics")[1].splitlines()

    await eventually(lambda: asyncio.to_thread(alone), within_seconds=30)
    program.log(1)
    assert len(await site.records(at_least=2)) == 2
    assert not await site.records("Log server does not answer")
    program.stop()


async def test_a_handshake_that_never_ends_is_closed(site: LogSite) -> None:
    site = replace(site, more="silence_seconds = 0.3")
    site.make()
    await site.start_server()
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as plain:
        assert await asyncio.to_thread(plain.recv, 1) == b""


async def test_more_connections_than_allowed_are_refused(site: LogSite) -> None:
    site = replace(site, more="maximum_connections = 3")
    site.make()
    await site.start_server()
    await site.records("Log server is ready", at_least=1)  # its own connection is there

    def connect() -> LogConnection:
        context = client_context(identity_of(site.configuration, Role.BACKEND))
        return LogConnection("127.0.0.1", site.port, context)

    first, second = connect(), connect()
    with pytest.raises(MessageError, match="as many connections"):
        connect()
    second.close()
    third = await _eventually_connects(connect)
    first.close()
    third.close()


async def test_metrics_and_health_are_for_the_site(site: LogSite) -> None:
    await site.start_server()
    program = site.start_program()
    program.log(5)
    await site.records(at_least=5)
    status, metrics = await asyncio.to_thread(_get, site, "/metrics")
    assert status == 200
    stored = next(line for line in metrics.splitlines() if line.startswith("sagews_log_records_total"))
    assert float(stored.split()[1]) >= 5
    ends = next(line for line in metrics.splitlines() if line.startswith("sagews_certificate_ends_seconds "))
    assert float(ends.split()[1]) > time.time() + 86400
    assert await asyncio.to_thread(_get, site, "/healthz") == (200, "database: well\n")
    assert (await asyncio.to_thread(_get, site, "/etc/passwd"))[0] == 404
    assert (await asyncio.to_thread(_get, site, "/metrics", "POST"))[0] == 405
    nobody = ssl.create_default_context(cafile=str(identity_of(site.configuration, Role.ADMIN).authority))
    with pytest.raises(OSError, match=r"(?i)certificate|reset|broken|closed"):
        await asyncio.to_thread(_get, site, "/metrics", "GET", nobody)
    program.stop()


async def test_new_certificates_are_taken_without_a_restart(site: LogSite) -> None:
    server = await site.start_server()
    program = site.start_program()
    program.log(1)
    await site.records(at_least=1)
    before = await asyncio.to_thread(_server_certificate, site)
    subject = Subject(role=Role.LOGSERVER, host="localhost", names=LOOPBACK)
    ensure(site.configuration.certificate_folder, (subject,), anew=True)
    server.send_signal(1)
    await site.records("Certificates renewed", at_least=1)
    assert await asyncio.to_thread(_server_certificate, site) != before
    program.log(1)
    await site.records(at_least=2)
    assert not await site.records("Log server does not answer")
    program.stop()


@contextmanager
def _tls(site: LogSite, role: Role = Role.BACKEND) -> Iterator[ssl.SSLSocket]:
    context = client_context(identity_of(site.configuration, role))
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        yield connection


def _get(site: LogSite, path: str, method: str = "GET", context: ssl.SSLContext | None = None) -> tuple[int, str]:
    port = read_status(site.configuration.status_file("logserver", 0))["monitoring_port"]
    context = context or client_context(identity_of(site.configuration, Role.ADMIN))
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _until_closed(connection: ssl.SSLSocket) -> bool:
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def _server_certificate(site: LogSite) -> bytes | None:
    with _tls(site) as connection:
        return connection.getpeercert(binary_form=True)


def _issued(site: LogSite, role: Role) -> Identity:
    subject = Subject(role=role, host="localhost", names=LOOPBACK)
    return ensure(site.configuration.certificate_folder, (subject,)).identity(role)


async def _eventually_connects(connect: Callable[[], LogConnection]) -> LogConnection:
    return await eventually(connect, retry_on=(MessageError,))
