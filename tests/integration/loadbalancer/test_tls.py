"""Promises: only modern TLS is spoken with browsers, and backends are who they say they are."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from sagews.certificates import Role
from sagews.errors import Unavailable
from tests.integration.loadbalancer.balanced import Balanced
from tests.logwatch import Expectation
from tests.waiting import eventually

pytestmark = [
    pytest.mark.haproxy,
    pytest.mark.filterwarnings("ignore:.*TLSv1.*deprecated:DeprecationWarning"),  # they are what is tested
]
WEAK = (
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-ECDSA-AES128-CCM8",
    "ECDHE-ECDSA-NULL-SHA",
    "AECDH-AES128-SHA",
    "ECDHE-ECDSA-ARIA128-GCM-SHA256",
)
STRONG = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")


def shake_hands(site: Balanced, context: ssl.SSLContext) -> tuple[str | None, str]:
    """Protocol and cipher that were agreed on."""
    with (
        socket.create_connection(("127.0.0.1", site.balancer.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return connection.version(), (connection.cipher() or ("", "", 0))[0]


def old_context(site: Balanced, version: ssl.TLSVersion, ciphers: str = "ALL") -> ssl.SSLContext:
    context = site.client_context()
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_protocols_are_refused(balanced: Balanced, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(shake_hands, balanced, old_context(balanced, version))


async def test_ciphers_without_forward_secrecy_or_authentication_are_refused(balanced: Balanced) -> None:
    for cipher in WEAK:
        context = old_context(balanced, ssl.TLSVersion.TLSv1_2, cipher)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(shake_hands, balanced, context)
    for cipher in STRONG:
        agreed = await asyncio.to_thread(shake_hands, balanced, old_context(balanced, ssl.TLSVersion.TLSv1_2, cipher))
        assert agreed == ("TLSv1.2", cipher)


async def test_a_new_browser_gets_tls_1_3(balanced: Balanced) -> None:
    version, _ = await asyncio.to_thread(shake_hands, balanced, balanced.client_context())
    assert version == "TLSv1.3"


async def test_a_server_with_the_certificate_of_another_role_is_no_backend(
    balanced: Balanced, expected_log: Callable[[str, str], Expectation]
) -> None:
    for backend in balanced.backends:
        await backend.die()
        backend.pretend(balanced.folder.identity(Role.WORKER))
        backend.start()
    expected_log("tornado.general", "SSL Error on .*")

    async def none_is_believed() -> bool:
        try:
            await balanced.balancer.health()
        except Unavailable as error:
            return "no backend answers" in error.what
        return False

    await eventually(none_is_believed, within_seconds=20)
    assert (await balanced.fetch("/")).code == 503
    assert not any(backend.asked for backend in balanced.backends)


async def test_an_operators_own_certificate_is_shown_and_browsers_are_told_to_insist_on_it(folder: Path) -> None:
    own = Balanced(folder).folder.certificate(Role.ADMIN, "localhost").read_bytes()  # any that is not the site's public
    file = folder / "own.pem"
    file.write_bytes(own)
    file.chmod(0o600)
    site = Balanced(folder, certificate=str(file))
    try:
        await site.start()
        context = site.client_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        shown = await asyncio.to_thread(certificate_of, site, context)
        assert ssl.DER_cert_to_PEM_cert(shown).encode().strip() in own
    finally:
        await site.close()


def certificate_of(site: Balanced, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", site.balancer.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""


async def test_new_certificates_are_shown_after_a_reload_and_no_connection_is_cut(balanced: Balanced) -> None:
    live = await balanced.websocket()
    context = balanced.client_context()
    before = await asyncio.to_thread(certificate_of, balanced, context)
    balanced.renew()
    await balanced.balancer.reload()

    async def is_new() -> bool:
        return await asyncio.to_thread(certificate_of, balanced, context) != before

    await eventually(is_new)
    await live.write_message("still here")
    assert str(await live.read_message()).endswith("still here")
    live.close()
    assert (await balanced.fetch("/")).code == 200


async def test_a_dead_load_balancer_does_not_answer(balanced: Balanced) -> None:
    await balanced.balancer.kill()
    with pytest.raises(Unavailable, match="does not answer"):
        await balanced.balancer.health()
