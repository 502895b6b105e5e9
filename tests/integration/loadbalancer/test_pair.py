"""Promises: with two load balancers before real backends, either one carries the site, and clients move."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse
from tornado.netutil import bind_sockets

from sagews.backend.application import make_server
from sagews.backend.making import make_backend
from sagews.client.site import SiteClient
from sagews.database.choices import TokenKind
from sagews.database.engine import create_engine
from sagews.database.migration import migrate
from sagews.database.store import Store
from sagews.errors import Unavailable
from sagews.messages.connection import PROTOCOL, Hello
from sagews.messages.frame import Frame, dump
from tests.integration.loadbalancer.balanced import Balanced, FakeBackend
from tests.waiting import eventually

pytestmark = pytest.mark.haproxy


class RealBackend(FakeBackend):
    """In the place of a small server; without workers."""

    def __init__(self, site: Balanced, store: Store, number: int) -> None:
        super().__init__(number, site.folder)
        chosen = site.configuration
        nobody = replace(chosen.worker, hosts=())
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = int(sockets[0].getsockname()[1])
        self.backend = make_backend(
            replace(chosen, worker=nobody), store, Path("nowhere"), port=self.port, number=number
        )
        self._sockets = sockets

    def start(self) -> None:
        self._server = make_server(self.backend, self._context)
        self._server.add_sockets(self._sockets)

    async def close(self) -> None:
        await self.backend.connections.close_all()
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()


class Pair(Balanced):
    """Two load balancers, three backends, one account."""

    token = ""

    @property
    def addresses(self) -> list[str]:
        return [f"https://localhost:{one.port}" for one in self.balancers]

    def client(self) -> SiteClient:
        return SiteClient(self.addresses[0], self.token, authority=self.folder.authority)

    async def cross(self, path: str, origin: str, method: str = "GET", **headers: str) -> HTTPResponse:
        body = "{}" if method == "POST" else None
        return await self.fetch(path, method, body=body, headers={"Origin": origin, **headers})


@pytest.fixture
async def pair(folder: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        site = Pair(folder, balancers=2)
        engine = create_engine(f"sqlite+aiosqlite:///{folder / 'test.sqlite'}")
        await migrate(engine)
        store = Store(engine)
        stack.push_async_callback(store.close)
        account = await store.accounts.ensure_solo_account()
        site.token = (await store.tokens.create(account.id, TokenKind.API)).secret
        site.backends = [RealBackend(site, store, number) for number in range(3)]
        stack.push_async_callback(site.close)
        await site.start()
        yield site


async def test_a_program_moves_to_the_other_load_balancer_and_back(pair: Pair) -> None:
    async with pair.client() as site:
        live = await site.live()
        assert list(site.origins.in_turn()) == pair.addresses, "the site told the other one"
        for number in (0, 1):
            await pair.balancers[number].kill()
            await eventually(lambda: live.connected, within_seconds=5)
            await site.call("POST", "/api/workspaces", {"name": f"w{number}"})
            assert site.url == pair.addresses[1 - number]
            await pair.balancers[number].start()
        names = {workspace["name"] for workspace in (await site.call("GET", "/api/workspaces"))["workspaces"]}
        assert names == {"w0", "w1"}


async def test_requests_alone_move_too(pair: Pair) -> None:
    async with pair.client() as site:
        assert (await site.call("GET", "/api/addresses"))["addresses"] == pair.addresses
        site.origins.add(pair.addresses)
        await pair.balancers[0].kill()
        await site.call("POST", "/api/workspaces", {"name": "w"})
        assert len((await site.call("GET", "/api/workspaces"))["workspaces"]) == 1
        await pair.balancers[1].kill()
        with pytest.raises(Unavailable):
            await site.call("GET", "/api/workspaces")


async def test_a_page_that_came_by_one_may_ask_the_other_and_no_other_page_may(pair: Pair) -> None:
    own, foreign = pair.addresses[1], "https://localhost:1"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-sagews"}
    preflight = await pair.cross("/api/workspaces", own, "OPTIONS", **asked)
    assert preflight.code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == own
    assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
    assert "X-Sagews" in preflight.headers["Access-Control-Allow-Headers"]
    assert (
        "Access-Control-Allow-Origin" not in (await pair.cross("/api/workspaces", foreign, "OPTIONS", **asked)).headers
    )
    heard = await pair.cross("/api/me", own)
    assert (heard.code, heard.headers["Access-Control-Allow-Origin"]) == (401, own), "errors are heard too"
    posting = {"X-Sagews": "1", "Content-Type": "application/json"}
    for origin in (foreign, "https://evil.example", "null", "http://localhost"):
        answer = await pair.cross("/api/sign-in", origin, "POST", **posting)
        assert answer.code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert (await pair.cross("/sockjs/info", origin)).code == 403
    assert (await pair.cross("/api/sign-out", own, "POST", **{"X-Sagews": "1"})).code == 204
    assert (await pair.cross("/api/sign-out", own, "POST")).code == 403, "the header is wanted all the same"
    assert (await pair.cross("/sockjs/info", own)).headers["Access-Control-Allow-Origin"] == own


async def test_a_session_of_many_requests_goes_on_at_its_backend(pair: Pair) -> None:
    hello = Frame(content=Hello(PROTOCOL, PROTOCOL, "test", "script", pair.token, "me"))
    for number in range(6):
        base = f"/sockjs/000/session{number}"
        assert (await pair.fetch(f"{base}/xhr", "POST", body="")).body == b"o\n"
        sent = await pair.fetch(f"{base}/xhr_send", "POST", body=json.dumps([dump(hello)]))
        assert sent.code == 204
        told: Any = json.loads((await pair.fetch(f"{base}/xhr", "POST", body="")).body[1:])
        welcome = json.loads(told[0])
        assert welcome["type"] == "welcome"
        assert welcome["content"]["addresses"] == pair.addresses
