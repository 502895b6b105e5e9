"""Promises: what reaches a backend, and that nothing reaches two."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.integration.loadbalancer.balanced import Balanced

pytestmark = pytest.mark.haproxy


async def test_a_request_reaches_a_backend_over_tls_by_the_load_balancers_certificate(balanced: Balanced) -> None:
    told = await balanced.ask("/api/me", headers={"X-Sagews": "1"})
    assert told["role"] == "loadbalancer"
    assert ["X-Sagews", "1"] in told["headers"]


async def test_what_a_client_says_about_where_it_comes_from_is_dropped(balanced: Balanced) -> None:
    forged = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-Scheme": "http",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=1.2.3.4",
        "Proxy": "http://evil",
    }
    headers = dict((await balanced.ask("/", headers=forged))["headers"])
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "https"
    assert not headers.keys() & {"X-Real-Ip", "X-Scheme", "X-Forwarded-Host", "Forwarded", "Proxy"}


async def test_what_is_the_operators_is_shown_to_nobody(balanced: Balanced) -> None:
    for path in ("/metrics", "//metrics", "/%6Detrics", "/metrics?x"):
        assert (await balanced.fetch(path)).code == 404
    assert not any(backend.asked for backend in balanced.backends)


async def test_a_page_may_speak_http_2(balanced: Balanced) -> None:
    command = ["curl", "-sS", "--http2", "--cacert", str(balanced.folder.authority), "-o", "/dev/null"]
    process = await asyncio.create_subprocess_exec(
        *command, "-w", "%{http_version} %{http_code}", f"{balanced.address}/", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert told == b"2 200"


async def test_a_websocket_goes_through_and_has_a_connection_of_its_own(balanced: Balanced) -> None:
    live = await balanced.websocket("/sockjs/000/abcdefgh/websocket")
    await live.write_message("hello")
    answer = await live.read_message()
    assert str(answer).endswith(": hello")
    live.close()


async def test_idle_backends_are_chosen_first(balanced: Balanced) -> None:
    """`leastconn`: three live connections are on three backends."""
    lives = [await balanced.websocket() for _ in range(3)]
    for live in lives:
        await live.write_message("who")
    answers = {str(await live.read_message()).partition(":")[0] for live in lives}
    assert answers == {"0", "1", "2"}
    for live in lives:
        live.close()


async def test_plain_http_is_sent_on_to_https(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = Balanced(folder, http_port=port)
    try:
        await site.start()
        client = AsyncHTTPClient(force_instance=True)
        address = f"http://localhost:{port}/workspaces/a?b=c"
        answer = await client.fetch(address, follow_redirects=False, raise_error=False)
        client.close()
    finally:
        await site.close()
    assert (answer.code, answer.headers["Location"]) == (301, f"{site.address}/workspaces/a?b=c")
