"""The site's own PostgreSQL: made, started, asked, reloaded and stopped as a component."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import struct
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from sagews.certificates import Role, client_context, ensure, identity_of, make_all
from sagews.component import Instance
from sagews.configuration import Configuration, load
from sagews.database import Store
from sagews.database.access import engine_for, postgresql_port
from sagews.database.component import PostgreSQL
from sagews.database.engine import create_engine
from sagews.database.log import NewRecord, Wanted
from sagews.database.uses import Use, password_file, password_of
from sagews.errors import DatabaseUnavailable, SetupError, Unavailable
from tests.postgresql import find_programs
from tests.running_component import Running, component_of, running, site_folder
from tests.waiting import eventually

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Running]:
    """The PostgreSQL of a site, with all that it needs."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with site_folder(postgresql="postgres") as configuration:
        component = component_of(PostgreSQL, configuration)
        with running(component) as one:
            yield one


@pytest.fixture
def site(postgresql: Running) -> Configuration:
    """The site's configuration."""
    return postgresql.component.configuration


def test_it_says_how_it_is(postgresql: Running) -> None:
    health = postgresql.component.answers(postgresql.instance)
    assert "connections" in health.detail
    assert "pending" not in health.detail
    assert float(health.version.split(".")[0]) >= 13
    assert health.figures["bytes"] > 2**20
    assert health.figures["maximum_connections"] == 200


async def refused(configuration: Configuration, use: Use, *statements: str) -> None:
    engine = engine_for(configuration, use, connections=1)
    for statement in statements:
        with pytest.raises(Exception, match=r"permission denied|must be owner"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    await engine.dispose()


async def test_a_backend_can_do_its_work_and_no_more(site: Configuration) -> None:
    store = Store(engine_for(site, Use.BACKEND, connections=1))
    account = await store.accounts.ensure_solo_account()
    workspace = await store.workspaces.create(account.id, "Number theory")
    await store.activity.note("workspace_made", account=account.id, workspace=workspace.id)
    assert [one.action for one in await store.activity.latest()] == ["workspace_made"]
    assert await store.log.latest(Wanted(), at_most=10) == []
    facts = await store.facts()
    assert (facts.kind, facts.tables) == ("postgresql", facts.needed)
    assert facts.size_bytes > 2**20
    await store.close()
    await refused(
        site,
        Use.BACKEND,
        "DROP TABLE activity",
        "TRUNCATE journal",
        "ALTER TABLE accounts ADD COLUMN x text",
        "CREATE TABLE mine (x integer)",
        "UPDATE alembic_version SET version_num = 'x'",
        "CREATE ROLE another",
    )


async def test_the_log_server_and_who_asks_for_health_see_nothing_of_people(site: Configuration) -> None:
    for use in (Use.LOGSERVER, Use.STATUS):
        await refused(
            site, use, "SELECT * FROM accounts", "SELECT * FROM tokens", "DELETE FROM journal", "CREATE TABLE t ()"
        )


async def test_the_log_is_the_log_servers_and_backends_only_read_it(site: Configuration) -> None:
    record = NewRecord("p", 1, datetime.now(UTC), "worker", 0, "localhost", 20, "sagews", "Session forked")
    store = Store(engine_for(site, Use.LOGSERVER, connections=1))
    await store.log.append([record, record])
    assert [one.event for one in await store.log.latest(Wanted(), 10)] == ["Session forked"]
    assert await store.log.prune_before(datetime.now(UTC) + timedelta(days=1)) == 1
    await store.close()
    await refused(site, Use.LOGSERVER, "DROP TABLE log", "UPDATE log SET event = ''")
    for use in (Use.BACKEND, Use.STATUS):
        await refused(
            site, use, "DELETE FROM log", "UPDATE log SET event = ''", "INSERT INTO log (process) VALUES ('x')"
        )
    await refused(site, Use.STATUS, "SELECT * FROM log")


async def test_connections_are_encrypted(site: Configuration) -> None:
    engine = engine_for(site, Use.BACKEND, connections=1)
    async with engine.connect() as connection:
        query = text("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        row = (await connection.execute(query)).one()
    await engine.dispose()
    assert (row.ssl, row.version) == (True, "TLSv1.3")


async def cannot_connect(site: Configuration, password: str, tls: ssl.SSLContext | None, words: str) -> None:
    host = f"127.0.0.1:{postgresql_port(site)}"
    store = Store(create_engine(f"postgresql://{Use.BACKEND.role}:{password}@{host}/sagews", tls=tls, connections=1))
    with pytest.raises(DatabaseUnavailable, match=words):
        await store.check()
    await store.close()
    await sockets_are_closed()


async def test_strangers_are_refused(site: Configuration, tmp_path: Path) -> None:
    password, own = password_of(site, Use.BACKEND), identity_of(site, Role.BACKEND)
    await cannot_connect(site, "wrong", client_context(own), "password authentication failed")
    await cannot_connect(site, password, None, "no pg_hba.conf entry .* no encryption")
    without = ssl.create_default_context(cafile=str(own.authority))
    await cannot_connect(site, password, without, "certificate")
    stranger = client_context(ensure(tmp_path / "strangers").identity(Role.BACKEND))
    stranger.load_verify_locations(own.authority)
    await cannot_connect(site, password, stranger, "unknown ca|does not answer")
    other = client_context(identity_of(site, Role.LOGSERVER))
    await cannot_connect(site, password, other, "authentication failed")


def test_passwords_are_closed_to_others_and_stay(postgresql: Running, site: Configuration) -> None:
    before = [password_file(site, use).read_text() for use in Use]
    assert {password_file(site, use).stat().st_mode & 0o777 for use in Use} == {0o600}
    assert len(set(before)) == len(Use)
    postgresql.component.settle(postgresql.instance)
    assert [password_file(site, use).read_text() for use in Use] == before


async def test_a_new_password_takes_effect_without_a_restart(postgresql: Running, site: Configuration) -> None:
    store = Store(engine_for(site, Use.BACKEND, connections=1))
    await store.check()
    password_file(site, Use.BACKEND).unlink()
    assert "not set up" in (await asyncio.to_thread(postgresql.component.answers, postgresql.instance)).detail
    await asyncio.to_thread(postgresql.component.settle, postgresql.instance)
    await store.check()
    await store.close()
    again = Store(engine_for(site, Use.BACKEND, connections=1))
    await again.check()
    await again.close()


def test_root_as_its_user_is_refused() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root could start it as root")
    with site_folder() as configuration:
        component = component_of(PostgreSQL, configuration)
        with pytest.raises(SetupError, match="does not run as root"):
            component.prepare(component.instances()[0])


async def test_a_reload_takes_the_new_certificate_and_keeps_connections(
    postgresql: Running, site: Configuration
) -> None:
    engine = engine_for(site, Use.BACKEND, connections=1)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        before = served_certificate(site)
        make_all(site, anew=True)
        postgresql.component.prepare(postgresql.instance)
        assert postgresql.process is not None
        postgresql.process.send_signal(postgresql.component.reload_signal)
        await eventually(lambda: served_certificate(site) != before)
        await connection.execute(text("SELECT 1"))
    other = engine_for(site, Use.LOGSERVER, connections=1)
    async with other.connect() as connection:
        await connection.execute(text("SELECT 1"))
    await engine.dispose()
    await other.dispose()


def served_certificate(site: Configuration) -> bytes | None:
    """The certificate that it shows now (PostgreSQL's protocol: SSLRequest comes before TLS)."""
    context = client_context(identity_of(site, Role.BACKEND))
    with socket.create_connection(("127.0.0.1", postgresql_port(site)), timeout=10) as plain:
        plain.sendall(struct.pack("!ii", 8, 80877103))
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            return connection.getpeercert(binary_form=True)


def test_protocols_and_ciphers_of_old_are_refused(site: Configuration) -> None:
    for version, ciphers in ((ssl.TLSVersion.TLSv1_1, ""), (ssl.TLSVersion.TLSv1_2, "AES256-SHA:@SECLEVEL=0")):
        context = client_context(identity_of(site, Role.BACKEND))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, version
        if ciphers:
            context.set_ciphers(ciphers)
        with socket.create_connection(("127.0.0.1", postgresql_port(site)), timeout=10) as plain:
            plain.sendall(struct.pack("!ii", 8, 80877103))
            assert plain.recv(1) == b"S"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname="127.0.0.1")


async def test_the_superuser_is_let_in_by_the_socket_only(postgresql: Running, site: Configuration) -> None:
    socket_of = postgresql.component.socket(postgresql.instance)  # type: ignore[attr-defined]
    async with socket_of.connect() as connection:
        assert await connection.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user")
    context = client_context(identity_of(site, Role.ADMIN))
    for role in ("postgres", Use.ADMIN.role):
        url = f"postgresql://{role}:x@127.0.0.1:{postgresql_port(site)}/postgres"
        store = Store(create_engine(url, tls=context, connections=1))
        with pytest.raises(DatabaseUnavailable, match=r"no pg_hba.conf entry"):
            await store.check()
        await store.close()
    await sockets_are_closed()


async def sockets_are_closed() -> None:
    """Wait for TLS connections that the server refused: asyncpg leaves it to the event loop to close them."""
    transports = asyncio.get_running_loop()._transports  # type: ignore[attr-defined]
    await eventually(lambda: all(one._sock is None for one in transports.values()))


def test_it_starts_after_a_crash_and_after_a_set_up_that_was_cut_off() -> None:
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with site_folder(postgresql="postgres") as configuration:
        one = Running(component_of(PostgreSQL, configuration), Instance("postgresql", 0, "localhost"))
        one.make_folders()
        half = one.component.state_folder(one.instance) / ".new-1"
        half.mkdir()
        (half / "PG_VERSION").write_text("15\n")
        try:
            one.start()
            assert not half.exists()
            assert "pending" not in one.component.answers(one.instance).detail
            port = one.component.port(one.instance)
            one.stop(signal.SIGKILL)
            health = one.start()
            assert one.component.port(one.instance) == port
            assert health.figures["migration_pending"] == 0
            # With a connection open it stops all the same.
            idle = client_context(identity_of(configuration, Role.ADMIN))
            with socket.create_connection(("127.0.0.1", port)) as plain:
                plain.sendall(struct.pack("!ii", 8, 80877103))
                assert plain.recv(1) == b"S"
                with idle.wrap_socket(plain, server_hostname="127.0.0.1"):
                    assert one.stop() == 0
            with pytest.raises(Unavailable):
                one.component.answers(one.instance)
        finally:
            one.stop()


def test_a_cluster_of_another_version_is_said() -> None:
    with site_folder(postgresql="postgres") as configuration:
        component = component_of(PostgreSQL, configuration)
        one = Running(component, component.instances()[0])
        one.make_folders()
        data = component.state_folder(one.instance) / "data"
        data.mkdir()
        (data / "PG_VERSION").write_text("9\n")
        with pytest.raises(SetupError, match=r"PostgreSQL 9, whose cluster is in .* is not installed"):
            component.command(one.instance)


def test_a_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    (deep / "sagews.toml").write_text('data_folder = "."\nsite.profile = "site"\npostgresql.user = "postgres"\n')
    component = component_of(PostgreSQL, load(deep / "sagews.toml", {}))
    with pytest.raises(SetupError, match="too long"):
        component.prepare(component.instances()[0])
