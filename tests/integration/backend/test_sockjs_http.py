"""The HTTP transports: how each carries frames, and what ends a response."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from urllib.parse import quote

import pytest

from sagews.backend.sockjs import Connection
from tests.integration.backend.sockjs_client import Exchange
from tests.integration.backend.sockjs_services import SUITE, Site, serving
from tests.waiting import eventually

STREAMS = {
    "xhr_streaming": ("POST", "h" * 2048 + "\n", "{}\n"),
    "eventsource": ("GET", "\r\n", "data: {}\r\n\r\n"),
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def open_stream(site: Site, session: str, transport: str = "xhr_streaming") -> Exchange:
    """Start a streaming transport and read its prelude and open frame."""
    method, prelude, form = STREAMS[transport]
    stream = await site.stream(method, f"{session}/{transport}")
    assert await stream.chunk() == prelude
    assert await stream.chunk() == form.format("o")
    return stream


async def test_polling_carries_messages_both_ways_in_order() -> None:
    async with serving() as site:
        session = site.session()
        assert await site.poll(session) == "o"
        assert await site.say(session, "a", "b") == 204
        assert await site.say(session, "c") == 204
        await eventually(lambda: site.echo.events == ["open", "a", "b", "c"])
        assert await site.poll(session) == 'a["a","b","c"]'


async def test_poll_waits_for_a_message() -> None:
    async with serving() as site:
        session = site.session()
        await site.poll(session)
        waiting = await site.start("POST", session + "/xhr")
        await site.say(session, "late")
        await waiting.head()
        assert await waiting.body() == 'a["late"]\n'


async def test_first_part_of_the_path_does_not_matter() -> None:
    async with serving() as site:
        await site.poll("/echo/000/same")
        await site.say("/echo/111/same", "x")
        assert await site.poll("/echo/222/same") == 'a["x"]'


@pytest.mark.parametrize("transport", STREAMS)
async def test_stream_sends_each_frame_at_once(transport: str) -> None:
    async with serving() as site:
        session = site.session()
        stream = await open_stream(site, session, transport)
        for text in ("x", "  \0\n\r "):
            await site.say(session, text)
            assert await stream.chunk() == STREAMS[transport][2].format(f"a[{json.dumps(text)}]")


@pytest.mark.parametrize("transport", STREAMS)
async def test_stream_ends_at_its_limit_and_the_next_goes_on(transport: str) -> None:
    async with serving() as site:
        session = site.session()
        stream = await open_stream(site, session, transport)
        await site.say(session, "x" * 4096)
        assert "x" * 4096 in await stream.chunk()
        assert await stream.chunk() == ""
        method, prelude, form = STREAMS[transport]
        again = await site.stream(method, f"{session}/{transport}")
        assert await again.chunk() == prelude
        await site.say(session, "y")
        assert await again.chunk() == form.format('a["y"]')


async def test_eventsource_escapes_percent_signs_which_the_client_decodes() -> None:
    async with serving() as site:
        session = site.session()
        stream = await open_stream(site, session, "eventsource")
        await site.say(session, "5 % of %41")
        assert await stream.chunk() == 'data: a["5 %25 of %2541"]\r\n\r\n'


async def test_htmlfile_calls_the_page_and_cannot_be_broken_out_of() -> None:
    async with serving() as site:
        session = site.session()
        stream = await site.stream("GET", session + "/htmlfile?c=cb")
        head = await stream.chunk()
        assert len(head) > 1024
        assert "var c = parent.cb;" in head
        assert await stream.chunk() == '<script>\np("o");\n</script>\r\n'
        await site.say(session, "</script><!--")
        script = await stream.chunk()
        assert script.count("<") == 2
        argument = script.removeprefix("<script>\np(").removesuffix(");\n</script>\r\n")
        assert json.loads(argument) == 'a["</script><!--"]'


async def test_jsonp_calls_the_page_and_hears_forms_and_plain_bodies() -> None:
    async with serving() as site:
        session = site.session()
        assert (await site.ask("GET", session + "/jsonp?c=cb")).body == 'cb("o");\r\n'
        sent = await site.ask("POST", session + "/jsonp_send", "d=" + quote('["ä+"]'), FORM)
        assert (sent.status, sent.body) == (200, "ok")
        assert (await site.ask("POST", session + "/jsonp_send", '["%61"]')).body == "ok"
        await eventually(lambda: site.echo.events == ["open", "ä+", "%61"])
        assert (await site.ask("GET", session + "/jsonp?c=cb")).body == 'cb("a[\\"ä+\\",\\"%61\\"]");\r\n'


@pytest.mark.parametrize("transport", ["jsonp", "htmlfile"])
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", '"callback" parameter required'),
        ("?c=", '"callback" parameter required'),
        ("?c=alert(1)//", 'invalid "callback" parameter'),
        ("?c=" + "x" * 65, 'invalid "callback" parameter'),
    ],
)
async def test_callback_is_a_name(transport: str, query: str, sentence: str) -> None:
    async with serving() as site:
        answer = await site.ask("GET", f"{site.session()}/{transport}{query}")
        assert (answer.status, answer.body) == (500, sentence + "\n")
        assert not site.connections


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "Payload expected."),
        ('["x', "Broken JSON encoding."),
        ("[1]", "Broken JSON encoding."),
        ('{"a": "b"}', "Broken JSON encoding."),
        (b'["\xff"]', "Broken JSON encoding."),
        ("[" * 100_000, "Broken JSON encoding."),
    ],
)
async def test_broken_payload_is_refused_and_the_session_goes_on(body: str | bytes, sentence: str) -> None:
    async with serving() as site:
        session = site.session()
        await site.poll(session)
        answer = await site.ask("POST", session + "/xhr_send", body)
        assert (answer.status, answer.body) == (500, sentence + "\n")
        await site.say(session, "on")
        assert await site.poll(session) == 'a["on"]'


@pytest.mark.parametrize("data", ["", "d=", "p=p", "d=%5B%5D&" * 17])
async def test_form_without_payload_is_refused(data: str) -> None:
    async with serving() as site:
        session = site.session()
        await site.poll(session)
        answer = await site.ask("POST", session + "/jsonp_send", data, FORM)
        assert (answer.status, answer.body) == (500, "Payload expected.\n")


async def test_too_large_a_body_is_refused_before_it_is_sent() -> None:
    settings = dataclasses.replace(SUITE, maximum_message_bytes=1000)
    async with serving(settings=settings) as site:
        session = site.session()
        await site.poll(session)
        exchange = await site.start("POST", session + "/xhr_send", headers={"Content-Length": "1001"})
        assert (await exchange.rest()).startswith(b"HTTP/1.1 4")
        assert site.echo.events == ["open"]


async def test_too_large_a_body_in_chunks_is_cut_off() -> None:
    settings = dataclasses.replace(SUITE, maximum_message_bytes=1000)
    async with serving(settings=settings) as site:
        session = site.session()
        await site.poll(session)
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(f"POST {session}/xhr_send HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        writer.write(b"400\r\n" + b" " * 1024 + b"\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert site.echo.events == ["open"]


async def test_sending_to_no_session_is_not_found() -> None:
    async with serving() as site:
        assert await site.say(site.session(), "x") == 404


@pytest.mark.parametrize("text", ["\u200c\u2028\u2060\ufff0\uffff", "\ud83d", "😀 é ∫"])
async def test_any_text_comes_back_as_it_was(text: str) -> None:
    async with serving() as site:
        session = site.session()
        await site.poll(session)
        await site.say(session, text)
        frame = await site.poll(session)
        assert json.loads(frame[1:]) == [text]


async def test_http_1_0_stream_ends_with_its_connection() -> None:
    async with serving() as site:
        headers = {"Connection": "Keep-Alive"}
        stream = await site.stream("POST", site.session("/close") + "/xhr_streaming", headers, version="1.0")
        assert "Transfer-Encoding" not in stream.headers
        assert await stream.rest() == b"h" * 2048 + b'\no\nc[3000,"Go away!"]\n'


async def test_idle_poll_and_stream_get_heartbeats() -> None:
    settings = dataclasses.replace(SUITE, heartbeat_seconds=0.05)
    async with serving(settings=settings) as site:
        polled, streamed = site.session(), site.session()
        assert await site.poll(polled) == "o"
        assert await site.poll(polled) == "h"
        stream = await open_stream(site, streamed)
        assert [await stream.chunk(), await stream.chunk()] == ["h\n", "h\n"]


class Talker(Connection):
    """Sends without end, and counts."""

    sent = 0

    async def on_open(self) -> None:
        while True:
            await self.send("x" * 1000)
            self.sent += 1


async def test_sender_waits_while_nobody_polls() -> None:
    settings = dataclasses.replace(SUITE, maximum_buffer_bytes=10_000)
    async with serving(Talker, settings=settings) as site:
        session = site.session()
        await site.poll(session)
        talker = site.connections[0]
        assert isinstance(talker, Talker)
        await eventually(lambda: talker.sent == 9)  # of 1002 bytes each
        heard = json.loads((await site.poll(session))[1:])
        assert 0 < len(heard) <= 9
        await eventually(lambda: talker.sent == 9 + len(heard))


async def test_sender_waits_while_a_stream_is_not_read() -> None:
    settings = dataclasses.replace(SUITE, maximum_buffer_bytes=10_000, response_limit_bytes=10**9)
    async with serving(Talker, settings=settings) as site:
        await site.stream("POST", site.session() + "/xhr_streaming")
        talker = site.connections[0]
        assert isinstance(talker, Talker)
        last = -1

        async def stands_still() -> bool:
            nonlocal last
            before, last = last, talker.sent
            await asyncio.sleep(0.1)
            return talker.sent == before

        await eventually(stands_still)
        assert talker.sent * 1000 < 32 * 1024 * 1024  # what the system's socket buffers hold, at most
