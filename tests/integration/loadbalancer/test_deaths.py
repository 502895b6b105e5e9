"""Promises: a backend that dies is not noticed, no request is done twice, and where nothing answers a page says so."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from tests.integration.loadbalancer.balanced import Balanced
from tests.servers import Kept
from tests.waiting import eventually

pytestmark = pytest.mark.haproxy


def asked(site: Balanced, what: str) -> int:
    return sum(backend.asked.count(what) for backend in site.backends)


async def test_requests_go_to_others_the_moment_a_backend_is_gone(balanced: Balanced) -> None:
    await balanced.backends[0].die()
    for number in range(30):
        told = await balanced.ask(f"/{number}", "POST", body="x")
        assert told["backend"] in (1, 2)
        assert asked(balanced, f"POST /{number}") == 1


async def test_a_request_whose_backend_dies_meanwhile_is_not_done_by_another(balanced: Balanced) -> None:
    for method in ("POST", "PUT", "GET"):
        answer = await balanced.fetch("/break-off", method, body=None if method == "GET" else "x")
        assert answer.code == 502
        assert asked(balanced, f"{method} /break-off") == 1


async def test_a_backend_that_says_it_is_ill_gets_nothing_until_it_is_well(balanced: Balanced) -> None:
    ill = balanced.backends[1]
    live = [await balanced.websocket() for _ in range(3)]
    ill.healthy = False

    async def up() -> float:
        return (await balanced.balancer.health()).figures["backends_up"]

    async def two_are_up() -> bool:
        return await up() == 2

    async def all_are_up() -> bool:
        return await up() == 3

    await eventually(two_are_up, within_seconds=20)
    ill.asked.clear()
    for _ in range(10):
        await balanced.ask("/")
    assert not ill.asked
    cut = [socket for socket in live if socket.protocol is None or socket.protocol.client_terminated]
    assert len(cut) == 1, "whoever was connected to it goes elsewhere"
    ill.healthy = True
    await eventually(all_are_up, within_seconds=20)
    for socket in live:
        socket.close()


async def test_where_no_backend_answers_a_page_says_so_and_tries_again(balanced: Balanced) -> None:
    for backend in balanced.backends:
        await backend.die()
    page = await balanced.fetch("/workspaces/a")
    assert page.code == 503
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Cache-Control"] == "no-store"
    assert b"Test &amp; &lt;Site&gt; is back in a moment" in page.body
    assert b'http-equiv="refresh"' in page.body

    async def api() -> bool:
        answer = await balanced.fetch("/api/me", "POST", body="")
        assert answer.code == 503
        return answer.headers["Content-Type"] == "application/json" and bool(json.loads(answer.body)["error"]["code"])

    await eventually(api, within_seconds=20, retry_on=())
    for backend in balanced.backends:
        backend.start()

    async def is_back() -> bool:
        return (await balanced.fetch("/")).code == 200

    await eventually(is_back, within_seconds=20)


async def test_files_come_from_nginx_and_from_backends_where_it_is_gone(balanced: Balanced, nginx: Kept) -> None:
    answer = await balanced.fetch("/static/frame.html")
    assert (answer.code, answer.headers["Server"]) == (200, "nginx")
    await nginx.stop()
    for _ in range(10):
        assert (await balanced.ask("/static/frame.html"))["backend"] in (0, 1, 2)


async def test_a_stop_finishes_what_runs(balanced: Balanced) -> None:
    for backend in balanced.backends:
        backend.go_on.clear()
    running = asyncio.ensure_future(balanced.fetch("/wait", "POST", body="x"))
    await eventually(lambda: any(backend.waiting.is_set() for backend in balanced.backends))
    stopping = asyncio.ensure_future(balanced.balancer.stop())

    async def refuses() -> bool:
        try:
            await balanced.fetch("/")
        except ConnectionRefusedError:
            return True
        return False

    await eventually(refuses)
    for backend in balanced.backends:
        backend.go_on.set()
    assert (await running).code == 200
    await stopping
    assert asked(balanced, "POST /wait") == 1


def is_past(done: list[int], number: int) -> bool:
    return len(done) > number


async def test_reloads_under_load_lose_nothing(balanced: Balanced) -> None:
    over = asyncio.Event()
    done: list[int] = []
    live = await balanced.websocket()

    async def work(name: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            await balanced.ask(f"/{name}/{number}", "POST", body="x")
            assert asked(balanced, f"POST /{name}/{number}") == 1
            done.append(name)

    async with asyncio.TaskGroup() as group:
        for name in range(4):
            group.create_task(work(name))
        for _ in range(4):
            before = len(done)
            await balanced.balancer.reload()
            await eventually(partial(is_past, done, before + 40), within_seconds=30)
        over.set()
    await live.write_message("still here")
    assert str(await live.read_message()).endswith("still here")
    live.close()
