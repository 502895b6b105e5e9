"""Memcached as a component of the site."""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagews.certificates import Role, client_context, ensure, identity_of, make_all
from sagews.configuration import Configuration
from sagews.database.memcached import Memcached
from tests.running_component import Running, component_of, running, site_folder

pytestmark = pytest.mark.memcached


@pytest.fixture
def memcached() -> Iterator[Running]:
    """A memcached of a site."""
    with (
        site_folder(memcached="nobody") as configuration,
        running(component_of(Memcached, configuration)) as one,
    ):
        yield one


@pytest.fixture
def site(memcached: Running) -> Configuration:
    """The site's configuration."""
    return memcached.component.configuration


def connect(memcached: Running, context: ssl.SSLContext) -> ssl.SSLSocket:
    address = ("127.0.0.1", memcached.component.port(memcached.instance))
    return context.wrap_socket(socket.create_connection(address, timeout=5), server_hostname="127.0.0.1")


def serial(connection: ssl.SSLSocket) -> str:
    return str((connection.getpeercert() or {})["serialNumber"])


def test_it_says_how_it_is(memcached: Running, site: Configuration) -> None:
    with connect(memcached, client_context(identity_of(site, Role.BACKEND))) as own:
        own.sendall(b"set a 0 0 1\r\n1\r\nget a\r\nget b\r\n")
        answer = b""
        while answer.count(b"END\r\n") < 2:
            answer += own.recv(100)
        assert own.version() == "TLSv1.3"
    health = memcached.component.answers(memcached.instance)
    assert health.version.startswith("1.")
    assert (health.figures["items"], health.figures["hit_ratio"]) == (1, 0.5)


def test_strangers_are_refused(memcached: Running, site: Configuration, tmp_path: Path) -> None:
    authority = identity_of(site, Role.BACKEND).authority
    stranger = client_context(ensure(tmp_path / "strangers").identity(Role.BACKEND))
    stranger.load_verify_locations(authority)
    for context in (ssl.create_default_context(cafile=str(authority)), stranger):
        assert asked(memcached, context) == b""
    assert asked(memcached, None) == b""


def asked(memcached: Running, context: ssl.SSLContext | None) -> bytes:
    """What it answers to somebody; nothing, where it ends the connection."""
    address = ("127.0.0.1", memcached.component.port(memcached.instance))
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(address, timeout=5))
        try:
            if context is not None:
                connection = stack.enter_context(context.wrap_socket(connection, server_hostname="127.0.0.1"))
            connection.sendall(b"version\r\n")
            return connection.recv(100)
        except (ConnectionError, ssl.SSLError):
            return b""


def test_a_reload_takes_the_new_certificate_and_keeps_connections(memcached: Running, site: Configuration) -> None:
    context = client_context(identity_of(site, Role.BACKEND))
    with connect(memcached, context) as before:
        make_all(site, anew=True)
        memcached.component.prepare(memcached.instance)
        assert memcached.process is not None
        memcached.process.send_signal(memcached.component.reload_signal)
        with connect(memcached, client_context(identity_of(site, Role.BACKEND))) as after:
            assert serial(after) != serial(before)
        before.sendall(b"version\r\n")
        assert before.recv(100).startswith(b"VERSION")
    assert memcached.process.poll() is None


def test_it_stops_when_it_is_told(memcached: Running) -> None:
    assert memcached.stop(signal.SIGTERM) == 0
