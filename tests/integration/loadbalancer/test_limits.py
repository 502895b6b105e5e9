"""Promises: one address cannot take the site from the others, and a slow one holds nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import WebSocketClientConnection

from tests.integration.loadbalancer.balanced import Balanced

pytestmark = pytest.mark.haproxy


@pytest.fixture
async def limited(folder: Path) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def start(**settings: int) -> Balanced:
            site = Balanced(folder, **settings)
            stack.push_async_callback(site.close)
            await site.start()
            return site

        yield start


async def test_too_many_requests_are_refused_with_the_reason(limited: Callable[..., Any]) -> None:
    site = await limited(requests_per_second=2)
    codes = [(await site.fetch("/", "POST", body="x")).code for _ in range(40)]
    assert codes[0] == 200
    assert codes[-1] == 429
    refused = await site.fetch("/")
    assert json.loads(refused.body)["error"]["code"] == "over_limit"
    assert refused.headers["Retry-After"]
    assert sum(len(backend.asked) for backend in site.backends) == codes.count(200) <= 20


async def test_too_many_connections_are_refused(limited: Callable[..., Any]) -> None:
    site = await limited(connections_per_address=4)
    opened = await asyncio.gather(*(site.websocket() for _ in range(8)), return_exceptions=True)
    lives = [live for live in opened if isinstance(live, WebSocketClientConnection)]
    assert 1 <= len(lives) <= 4
    for live in lives:
        live.close()


async def test_a_slow_client_is_refused_and_reaches_no_backend(limited: Callable[..., Any]) -> None:
    site = await limited(request_seconds=1)
    for start in (b"POST / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12"):
        reader, writer = await asyncio.open_connection("localhost", site.balancer.port, ssl=site.client_context())
        writer.write(start)
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    assert not any(backend.asked for backend in site.backends)


async def test_only_its_own_user_may_speak_to_the_stats_socket(limited: Callable[..., Any]) -> None:
    site = await limited()
    path = site.balancer.component.run_folder(site.balancer.instance) / "stats.sock"
    assert path.stat().st_mode & 0o777 == 0o600
