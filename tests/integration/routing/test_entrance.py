"""Who gets in to a backend of a site, by which names; and what it does while the database is away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from functools import partial
from pathlib import Path

import pytest

from sagews.certificates import CertificateFolder, Role, ensure, make_all
from sagews.database.choices import TokenKind
from sagews.database.engine import create_engine
from sagews.database.migration import downgrade
from tests.integration.backend.talk import Http
from tests.integration.routing.conftest import database_of
from tests.integration.routing.whole_site import HOST, WholeSite
from tests.postgresql import Cluster
from tests.waiting import eventually

pytestmark = [pytest.mark.postgresql, pytest.mark.asyncio(loop_scope="module")]


def port(site: WholeSite) -> int:
    """Of backend 0."""
    return int(site.address(0).rpartition(":")[2])


async def served_certificate(site: WholeSite) -> bytes:
    """What backend 0 shows to a new connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", port(site), ssl=site.tls())
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return bytes(certificate)


async def test_roles_that_have_nothing_to_do_there_are_refused(site: WholeSite) -> None:
    for role, status in ((Role.LOADBALANCER, 200), (Role.ADMIN, 200), (Role.WORKER, 403), (Role.LOGSERVER, 403)):
        answer = await Http(site.address(0), HOST, site.tls(role))("GET", "/healthz")
        assert (role, answer.code) == (role, status)


def said_to(port: int, tls: ssl.SSLContext | None) -> bytes:
    """What a backend says to somebody who comes like this."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        try:
            with (
                contextlib.nullcontext(plain)
                if tls is None
                else tls.wrap_socket(plain, server_hostname="127.0.0.1") as stream
            ):
                stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: sage.example.org\r\n\r\n")
                return stream.recv(100)
        except (ssl.SSLError, ConnectionError):
            return b""


async def test_without_a_certificate_or_tls_nobody_gets_in(site: WholeSite, tmp_path: Path) -> None:
    authority = str(site.configuration.certificate_folder / "authority.pem")
    stranger = CertificateFolder(path=ensure(tmp_path / "certificates").path).identity(Role.BACKEND)
    nobody, other = ssl.create_default_context(cafile=authority), ssl.create_default_context(cafile=authority)
    other.load_cert_chain(stranger.certificate)
    old = site.tls()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await asyncio.to_thread(said_to, port(site), site.tls())).startswith(b"HTTP/1.1 200")
    assert (await asyncio.to_thread(said_to, port(site), old)).startswith(b"HTTP/1.1 200")
    for context in (nobody, other, None):
        assert await asyncio.to_thread(said_to, port(site), context) == b""


async def test_other_names_are_refused_but_not_to_health_checks(site: WholeSite) -> None:
    stranger = {"Host": "attacker.example"}
    assert await site.http(0, **stranger).error("GET", "/api/me") == (403, "not_allowed")
    assert (await site.http(0, **stranger)("GET", "/healthz")).code == 200
    assert (await site.http(0)("GET", "/api/me")).code == 200


async def test_pages_of_either_load_balancer_may_ask_and_no_others(site: WholeSite) -> None:
    for origin, status in (
        ("https://sage.example.org:8443", 201),
        ("https://sage.example.org:8444", 201),
        ("https://sage.example.org", 201),
        ("https://sage.example.org:9999", 403),
        ("http://sage.example.org:8443", 403),
        ("https://attacker.example", 403),
    ):
        cookie = await cookie_of(site)
        http = Http(site.address(0), {**HOST, "Cookie": cookie, "X-Sagews": "1", "Origin": origin}, site.tls())
        answer = await http("POST", "/api/workspaces", {"name": origin})
        assert (origin, answer.code) == (origin, status)


async def cookie_of(site: WholeSite) -> str:
    """A cookie of the operator."""
    name = f"__Host-sagews_{site.configuration.loadbalancer.port}"
    return f"{name}={(await site.store.tokens.create(site.account, TokenKind.COOKIE)).secret}"


async def test_cookies_are_for_https_and_good_at_every_backend(site: WholeSite) -> None:
    await site.store.account_types.ensure("standard")
    await site.store.identities.create_account("noether", "a long password", account_type="standard")
    own = {**HOST, "X-Sagews": "1"}
    answer = await Http(site.address(0), own, site.tls())(
        "POST", "/api/sign-in", {"name": "noether", "password": "a long password"}
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-sagews_8443=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    me = await Http(site.address(1), {**HOST, "Cookie": cookie.partition(";")[0]}, site.tls()).json("GET", "/api/me")
    assert me["name"] == "noether"


async def test_only_the_last_forwarded_address_counts(site: WholeSite) -> None:
    """The limit of attempts to sign in is by address: whoever writes addresses before the last one gains nothing."""
    codes = []
    for number in range(12):
        forwarded = {
            **HOST,
            "X-Sagews": "1",
            "X-Forwarded-For": f"198.51.100.{number}, 192.0.2.1",
            "X-Real-Ip": f"8.8.8.{number}",
        }
        answer = await Http(site.address(0), forwarded, site.tls())(
            "POST", "/api/sign-in", {"name": f"nobody {number}", "password": "wrong password"}
        )
        codes.append(answer.code)
    assert codes[-1] == 429
    elsewhere = {**HOST, "X-Sagews": "1", "X-Forwarded-For": "192.0.2.2"}
    answer = await Http(site.address(0), elsewhere, site.tls())(
        "POST", "/api/sign-in", {"name": "nobody", "password": "wrong password"}
    )
    assert answer.code == 401


async def test_the_page_gets_all_addresses_of_the_site(site: WholeSite) -> None:
    talk = await site.talk()
    welcome = await talk.hear("welcome")
    assert welcome.content.addresses == (  # type: ignore[attr-defined]
        "https://sage.example.org:8443",
        "https://sage.example.org:8444",
    )


def says(log: Path, text: str) -> bool:
    return text in log.read_text()


async def test_new_certificates_and_log_levels_are_taken_without_dropping_a_connection(site: WholeSite) -> None:
    workspace, talk = await site.workspace(), await site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "x = 42")
    before = await served_certificate(site)
    make_all(site.configuration, anew=True)
    file = site.folder / "sagews.toml"
    file.write_text(f'{file.read_text()}\n[log]\nlevel = "debug"\n')
    for program in (*site.backends, *site.workers):
        assert program.process is not None
        program.process.send_signal(signal.SIGHUP)

    async def renewed() -> bool:
        return await served_certificate(site) != before

    await eventually(renewed)
    for program in (*site.backends, *site.workers):
        await eventually(partial(says, program.log, '"least": "debug"'))
    assert await talk.evaluate(workspace, "print(x)") == "42\n"
    # A transfer is a connection of its own to the worker: with new certificates on both sides.
    path = f"/api/workspaces/{workspace}/files/f"
    assert (await site.http()("PUT", path, body=b"content")).code == 204
    assert (await site.http()("GET", path)).body == b"content"
    assert not talk.closed


async def test_a_backend_waits_for_the_database_and_never_migrates(
    tmp_path: Path, postgresql: Cluster, cluster: Cluster
) -> None:
    site = await WholeSite.make(tmp_path, database_of(cluster), size=1)
    await site.store.close()
    cluster.stop()
    try:
        await site.start_one(site.backends[0])
        health = await site.http().json("GET", "/healthz")
        assert (health["status"], health["parts"]["database"]) == ("degraded", False)
        cluster.start()

        async def works() -> bool:
            return bool((await site.http()("GET", "/api/me")).code == 200)

        await eventually(works)
        await eventually(site.store.backends.all)
    finally:
        await site.stop()


async def test_a_database_of_another_version_ends_the_backend_with_the_reason(
    tmp_path: Path, postgresql: Cluster
) -> None:
    url = database_of(postgresql)
    site = await WholeSite.make(tmp_path, url, size=1)
    engine = create_engine(url)
    await downgrade(engine, "0001")
    await engine.dispose()
    backend = site.backends[0]
    with backend.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sagews.backend", "--config", str(tmp_path / "sagews.toml"),
            stdout=log, stderr=log,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        )  # fmt: skip
    assert await asyncio.wait_for(process.wait(), 60) == 1
    assert "another version" in backend.log.read_text()
    await site.store.close()
