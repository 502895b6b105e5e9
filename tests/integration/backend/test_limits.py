"""What one account or address may take of a backend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from tornado.netutil import bind_sockets
from tornado.websocket import WebSocketClosedError, websocket_connect

from sagews.backend.application import make_server
from sagews.backend.guests import Guests
from sagews.messages import Frame
from sagews.messages.connection import Ping
from sagews.rates import Rate
from tests.integration.backend.running import Site, running_backend
from tests.integration.backend.talk import Talk, refusal
from tests.waiting import eventually

Expect = Callable[[str, str], object]


async def silent(site: Site) -> Talk:
    """A connection that does not say who it is."""
    return Talk(await websocket_connect(site.address.replace("http", "ws") + "/sockjs/websocket"), "nobody")


async def test_who_says_nothing_makes_room_for_who_does(folder: Path, expected_log: Expect) -> None:
    expected_log("sagews.backend.guests", "Stranger cut")
    async with running_backend(folder, guests=Guests(2, 10)) as site:
        strangers = [await silent(site) for _ in range(2)]
        await eventually(lambda: len(site.backend.guests._strangers) == 2)
        talk = await site.talk()
        await strangers[0].ended()
        assert strangers[0].socket.close_code == 4429
        await talk.say(Frame(content=Ping(), request=1))
        await talk.hear("pong")
        await strangers[1].close()


async def test_live_connections_of_one_account(folder: Path) -> None:
    async with running_backend(folder, guests=Guests(10, 2)) as site:
        first, _ = await site.talk(), await site.talk()
        with pytest.raises(AssertionError, match="refused"):
            await site.talk()
        await first.close()
        await eventually(lambda: site.backend.guests._counts.total() == 1)
        await site.talk()


async def test_who_sends_too_much_is_read_more_slowly_and_others_are_not(folder: Path) -> None:
    async with running_backend(folder, message_rate=Rate(300, "messages")) as site:
        flooding = await site.talk()
        clock = asyncio.get_running_loop().time
        started = clock()
        for request in range(1, 311):
            await flooding.say(Frame(content=Ping(), request=request))
        await flooding.hear("pong", where=lambda frame: frame.request == 310)
        # 300 at once, the others five a second.
        assert clock() - started > 1
        assert [frame.request for frame in flooding.heard if frame.content.type == "pong"] == list(range(1, 311))


async def test_deep_and_huge_messages_hurt_nobody(folder: Path) -> None:
    async with running_backend(folder) as site:
        talk = await site.talk()
        for text in ("[" * 10**6, '{"type": "ping", "request": ' + "9" * 20_000 + "}", '{"a":' * 50_000):
            seen = len(talk.heard)
            await talk.socket.write_message(text)
            assert refusal(await talk.hear("refused", after=seen)) == "bad_message"
        other = await site.talk()
        with contextlib.suppress(WebSocketClosedError):  # it is closed while it is still being sent
            await talk.socket.write_message("x" * (site.configuration.backend.maximum_message_bytes + 1))
        await talk.ended()
        await other.say(Frame(content=Ping(), request=1))
        await other.hear("pong")


async def test_more_connections_than_it_takes_are_closed(site: Site, expected_log: Expect) -> None:
    expected_log("sagews.backend.application", "Connection turned away")
    server = make_server(site.backend)
    server.maximum_connections = 2
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    place = sockets[0].getsockname()
    idle = [await asyncio.open_connection(*place) for _ in range(2)]
    await eventually(lambda: len(server._connections) == 2)
    reader, writer = await asyncio.open_connection(*place)
    assert await reader.read() == b""
    for one in [*(writer for _, writer in idle), writer]:
        one.close()
    server.stop()
    await server.close_all_connections()
