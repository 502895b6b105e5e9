"""The WebSocket transports."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest
from tornado.websocket import WebSocketClientConnection

from sagews.backend.sockjs import Connection
from tests.integration.backend.sockjs_services import SUITE, Site, serving
from tests.waiting import eventually

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
}


async def open_framed(site: Site, service: str = "/echo") -> WebSocketClientConnection:
    """A WebSocket after its open frame."""
    socket = await site.websocket(site.session(service) + "/websocket")
    assert await socket.read_message() == "o"
    return socket


async def test_carries_messages_both_ways_in_order() -> None:
    async with serving() as site:
        socket = await open_framed(site)
        await socket.write_message('["a","b"]')
        await socket.write_message("")
        await socket.write_message('"c"')
        assert [await socket.read_message() for _ in range(3)] == ['a["a"]', 'a["b"]', 'a["c"]']


async def test_one_session_id_may_serve_two_sockets() -> None:
    async with serving() as site:
        path = site.session() + "/websocket"
        first, second = await site.websocket(path), await site.websocket(path)
        await second.write_message('["2"]')
        await first.write_message('["1"]')
        assert [await first.read_message(), await first.read_message()] == ["o", 'a["1"]']
        assert [await second.read_message(), await second.read_message()] == ["o", 'a["2"]']


async def test_close_of_the_application_is_told_twice() -> None:
    async with serving() as site:
        socket = await open_framed(site, "/close")
        assert await socket.read_message() == 'c[3000,"Go away!"]'
        assert await socket.read_message() is None
        assert (socket.close_code, socket.close_reason) == (3000, "Go away!")


async def test_close_of_the_client_is_noticed_after_its_last_message() -> None:
    async with serving() as site:
        socket = await open_framed(site)
        socket.write_message('["last"]')
        socket.close()
        await eventually(lambda: site.echo.events == ["open", "last", "close"])
        await eventually(lambda: len(site.sessions) == 0)


async def test_broken_json_cuts_the_connection() -> None:
    async with serving() as site:
        socket = await open_framed(site)
        await socket.write_message('["a')
        assert await socket.read_message() is None
        assert socket.close_code is None
        await eventually(lambda: site.echo.events == ["open", "close"])


async def test_too_large_a_message_cuts_the_connection() -> None:
    settings = dataclasses.replace(SUITE, maximum_message_bytes=1000)
    async with serving(settings=settings) as site:
        socket = await open_framed(site)
        socket.write_message(json.dumps(["x" * 1000]))
        assert await socket.read_message() is None
        await eventually(lambda: site.echo.events == ["open", "close"])


async def test_raw_carries_texts_as_they_are() -> None:
    async with serving() as site:
        socket = await site.websocket("/echo/websocket")
        for text in ("Hello world!\uffff", '["a', "\u2028😀"):
            await socket.write_message(text)
            assert await socket.read_message() == text


async def test_raw_closes_without_frames() -> None:
    async with serving() as site:
        socket = await site.websocket("/close/websocket")
        assert await socket.read_message() is None
        assert (socket.close_code, socket.close_reason) == (3000, "Go away!")


async def test_codes_that_may_not_be_on_the_wire_become_normal_closure() -> None:
    class Odd(Connection):
        async def on_open(self) -> None:
            self.close(1006, "ä" * 100)

    async with serving(Odd) as site:
        socket = await site.websocket("/echo/websocket")
        assert await socket.read_message() is None
        assert (socket.close_code, socket.close_reason) == (1000, "ä" * 61)


async def test_switched_off_is_not_found() -> None:
    async with serving() as site:
        for path in (site.session("/disabled_websocket_echo") + "/websocket", "/disabled_websocket_echo/websocket"):
            assert (await site.ask("GET", path, headers=HANDSHAKE)).status == 404


async def test_plain_request_is_told_what_is_missing() -> None:
    async with serving() as site:
        path = site.session() + "/websocket"
        plain = await site.ask("GET", path)
        assert (plain.status, plain.body.strip()) == (400, 'Can "Upgrade" only to "WebSocket".')
        cut = await site.ask("GET", path, headers={"Upgrade": "WebSocket", "Connection": "close"})
        assert (cut.status, cut.body.strip()) == (400, '"Connection" must be "Upgrade".')


@pytest.mark.parametrize("version", ["7", "8", "13"])
async def test_shakes_hands_in_every_version_with_these_frames(version: str) -> None:
    async with serving() as site:
        headers = {**HANDSHAKE, "Sec-WebSocket-Version": version}
        answer = await site.stream("GET", site.session() + "/websocket", headers)
        assert answer.status == 101
        assert answer.headers["Sec-WebSocket-Accept"] == "HSmrc0sMlYUkAGmm5OPpG2HaGWk="
        assert await answer.reader.readexactly(3) == b"\x81\x01o"


async def test_idle_page_gets_heartbeats() -> None:
    async with serving(settings=dataclasses.replace(SUITE, heartbeat_seconds=0.05)) as site:
        socket = await open_framed(site)
        assert [await socket.read_message() for _ in range(5)] == ["h"] * 5


async def test_client_that_answers_no_ping_is_cut_off() -> None:
    async with serving(settings=dataclasses.replace(SUITE, heartbeat_seconds=0.05)) as site:
        headers = {**HANDSHAKE, "Sec-WebSocket-Version": "13"}
        for path in (site.session() + "/websocket", "/echo/websocket"):
            mute = await site.stream("GET", path, headers)
            assert mute.status == 101
            await mute.rest()  # ends, because the server closes
        await eventually(lambda: len(site.sessions) == 0)


class Talker(Connection):
    """Sends without end, and counts."""

    sent = 0

    async def on_open(self) -> None:
        while True:
            await self.send("x" * 1000)
            self.sent += 1


async def test_sender_waits_while_the_client_does_not_read() -> None:
    settings = dataclasses.replace(SUITE, maximum_buffer_bytes=10_000)
    async with serving(Talker, settings=settings) as site:
        headers = {**HANDSHAKE, "Sec-WebSocket-Version": "13"}
        await site.stream("GET", "/echo/websocket", headers)
        talker = await eventually(lambda: site.connections[0] if site.connections else None)
        assert isinstance(talker, Talker)
        last = -1

        async def stands_still() -> bool:
            nonlocal last
            before, last = last, talker.sent
            await asyncio.sleep(0.1)
            return talker.sent == before

        await eventually(stands_still)
        assert talker.sent * 1000 < 32 * 1024 * 1024  # what the system's socket buffers hold, at most


async def test_client_that_reads_gets_everything_through_a_small_buffer() -> None:
    class Flood(Connection):
        async def on_open(self) -> None:
            for number in range(500):
                await self.send(f"{number} " + "x" * 1000)

    settings = dataclasses.replace(SUITE, maximum_buffer_bytes=1500)
    async with serving(Flood, settings=settings) as site:
        socket = await site.websocket("/echo/websocket")
        numbers = [int(str(await socket.read_message()).split()[0]) for _ in range(500)]
        assert numbers == list(range(500))


async def test_sender_learns_that_the_client_is_gone() -> None:
    async with serving(Talker) as site:
        socket = await site.websocket("/echo/websocket")
        await socket.read_message()
        socket.close()
        await eventually(lambda: len(site.sessions) == 0)
