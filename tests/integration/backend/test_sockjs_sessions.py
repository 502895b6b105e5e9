"""The life of sessions: one receiver, every way to end, who may use them, how many there may be."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from sagews.backend.sockjs import Connection, RequestFacts
from sagews.errors import Disconnected, NotSignedIn
from tests.integration.backend.sockjs_services import SUITE, Closing, Echo, serving
from tests.waiting import eventually

ANOTHER = 'c[2010,"Another connection still open"]'
GO_AWAY = 'c[3000,"Go away!"]'
INTERRUPTED = 'c[1002,"Connection interrupted"]'
HASTY = dataclasses.replace(SUITE, disconnect_seconds=0.05)


async def test_second_receiver_is_sent_away_and_the_first_goes_on() -> None:
    async with serving() as site:
        session = site.session()
        await site.poll(session)
        first = await site.start("POST", session + "/xhr")
        assert await eventually(lambda: site.poll(session)) == ANOTHER
        await site.say(session, "x")
        await first.head()
        assert await first.body() == 'a["x"]\n'


async def test_second_stream_ends_after_its_close_frame() -> None:
    async with serving() as site:
        session = site.session()
        first = await site.stream("POST", session + "/xhr_streaming")
        await first.chunk()
        second = await site.stream("GET", session + "/eventsource")
        assert await second.body() == f"\r\ndata: {ANOTHER}\r\n\r\n"


async def test_closed_session_tells_so_to_each_receiver() -> None:
    async with serving() as site:
        session = site.session("/close")
        assert [await site.poll(session) for _ in range(3)] == ["o", GO_AWAY, GO_AWAY]
        stream = await site.stream("POST", session + "/xhr_streaming")
        assert await stream.body() == "h" * 2048 + f"\n{GO_AWAY}\n"


async def test_what_was_sent_before_the_close_arrives_first() -> None:
    class Farewell(Connection):
        async def on_open(self) -> None:
            await self.send("last words")
            self.close(4001, "because")

    async with serving(Farewell) as site:
        session = site.session()
        assert [await site.poll(session) for _ in range(3)] == ["o", 'a["last words"]', 'c[4001,"because"]']


async def test_cut_receiver_ends_the_session() -> None:
    async with serving() as site:
        session = site.session()
        await site.poll(session)
        waiting = await site.start("POST", session + "/xhr")
        assert await eventually(lambda: site.poll(session)) == ANOTHER
        await waiting.hang_up()
        await eventually(lambda: site.echo.events == ["open", "close"])
        assert await site.poll(session) == INTERRUPTED


async def test_session_that_nobody_fetches_ends_and_is_forgotten() -> None:
    async with serving(settings=HASTY) as site:
        session = site.session()
        await site.poll(session)
        await eventually(lambda: site.echo.events == ["open", "close"])
        await eventually(lambda: len(site.sessions) == 0)
        assert await site.poll(session) == "o"


async def test_session_with_a_waiting_receiver_does_not_end() -> None:
    # Long enough for a busy machine to ask again in time.
    async with serving(settings=dataclasses.replace(SUITE, disconnect_seconds=2)) as site:
        session = site.session()
        await site.poll(session)
        waiting = await site.start("POST", session + "/xhr")
        other = site.session()
        await site.poll(other)
        await eventually(lambda: "close" in getattr(site.connections[1], "events", []))  # the delay has passed
        await site.say(session, "still here")
        await waiting.head()
        assert await waiting.body() == 'a["still here"]\n'


async def test_messages_are_handled_one_after_the_other() -> None:
    running = 0
    order: list[str] = []

    class Slow(Connection):
        async def on_message(self, text: str) -> None:
            nonlocal running
            running += 1
            assert running == 1
            for _ in range(5):
                await asyncio.sleep(0)
            order.append(text)
            running -= 1

    async with serving(Slow) as site:
        session = site.session()
        await site.poll(session)
        texts = [str(n) for n in range(50)]
        for text in texts:
            await site.say(session, text)
        await eventually(lambda: order == texts)


async def test_messages_before_a_loss_are_handled_before_on_close() -> None:
    go_on = asyncio.Event()

    class Waiting(Echo):
        async def on_message(self, text: str) -> None:
            await go_on.wait()
            self.events.append(text)

    async with serving(Waiting, settings=HASTY) as site:
        session = site.session()
        await site.poll(session)
        await site.say(session, "a", "b")
        await eventually(lambda: site.sessions.find("/echo", session.rsplit("/", 1)[1]) is None)
        go_on.set()
        await eventually(lambda: site.echo.events == ["open", "a", "b", "close"])


async def test_messages_after_the_close_of_the_application_are_dropped() -> None:
    class Deaf(Echo):
        async def on_message(self, text: str) -> None:
            self.events.append(text)
            self.close()

    async with serving(Deaf) as site:
        session = site.session()
        await site.poll(session)
        assert await site.say(session, "first", "second") == 204
        await eventually(lambda: site.echo.events == ["open", "first", "close"])
        assert await site.say(session, "third") == 204
        assert await site.poll(session) == GO_AWAY
        assert site.echo.events == ["open", "first", "close"]


async def test_what_arrives_waits_while_the_application_is_behind() -> None:
    go_on = asyncio.Event()

    class Waiting(Echo):
        async def on_message(self, text: str) -> None:
            await go_on.wait()
            self.events.append(text[0])

    settings = dataclasses.replace(SUITE, maximum_buffer_bytes=1000)
    async with serving(Waiting, settings=settings) as site:
        session = site.session()
        await site.poll(session)
        assert await site.say(session, "a" * 900) == 204
        second = asyncio.create_task(site.say(session, "b" * 900))
        third = await site.ask("GET", "/echo/info")
        assert third.status == 200
        assert not second.done()
        go_on.set()
        assert await second == 204
        await eventually(lambda: site.echo.events == ["open", "a", "b"])


async def test_send_after_the_end_raises() -> None:
    async with serving() as site:
        session = site.session()
        await site.poll(session)
        site.echo.close()
        with pytest.raises(Disconnected):
            await site.echo.send("too late")


async def test_waiting_send_raises_when_the_session_ends() -> None:
    settings = dataclasses.replace(SUITE, maximum_buffer_bytes=10)
    async with serving(settings=settings) as site:
        await site.poll(site.session())
        await site.echo.send("0123456789")
        waiting = asyncio.create_task(site.echo.send("more"))
        await asyncio.sleep(0)
        assert not waiting.done()
        site.echo.close()
        with pytest.raises(Disconnected):
            await waiting


async def test_mistake_of_the_application_ends_only_its_session(expected_log) -> None:  # type: ignore[no-untyped-def]
    class Faulty(Echo):
        async def on_message(self, text: str) -> None:
            raise ZeroDivisionError(text)

    expected_log("sagews.backend.sockjs", "SockJS application failed")
    async with serving(Faulty) as site:
        session, other = site.session(), site.session()
        await site.poll(session)
        await site.poll(other)
        await site.say(session, "x", "y")
        assert await site.poll(session) == 'c[1011,"Internal error"]'
        await eventually(lambda: site.echo.events == ["open", "close"])
        await site.connections[1].send("alive")
        assert await site.poll(other) == 'a["alive"]'


@pytest.mark.parametrize("action", ["xhr", "xhr_send", "xhr_streaming", "jsonp_send"])
async def test_session_of_somebody_else_is_not_found(action: str) -> None:
    settings = dataclasses.replace(SUITE, identity=lambda request: request.headers.get("X-Who", ""))
    async with serving(settings=settings) as site:
        session = site.session()
        await site.ask("POST", session + "/xhr", headers={"X-Who": "ann"})
        body = '["forged"]' if action.endswith("send") else ""
        answer = await site.ask("POST", f"{session}/{action}", body, {"X-Who": "bob"})
        assert answer.status == 404
        assert site.echo.events == ["open"]
        mine = await site.ask("POST", session + "/xhr_send", '["mine"]', {"X-Who": "ann"})
        assert mine.status == 204


async def test_refused_client_hears_why() -> None:
    def refuse(facts: RequestFacts) -> Connection:
        raise NotSignedIn

    async with serving(refuse) as site:
        session = site.session()
        assert await site.poll(session) == "o"
        assert await site.poll(session) == 'c[4401,"You are not signed in. Sign in and try again."]'


async def test_there_are_at_most_as_many_sessions_as_allowed() -> None:
    settings = dataclasses.replace(SUITE, maximum_sessions=2)
    async with serving(settings=settings) as site:
        first = site.session()
        for session in (first, site.session()):
            await site.poll(session)
        for transport in ("xhr", "xhr_streaming"):
            assert (await site.ask("POST", f"{site.session()}/{transport}")).status == 503
        assert (await site.ask("GET", site.session() + "/websocket")).status == 503
        await site.say(first, "x")
        assert await site.poll(first) == 'a["x"]'


async def test_connection_knows_its_opening_request() -> None:
    async with serving() as site:
        session = site.session()
        headers = {"Cookie": "who=ann; b=2", "X-Thing": "7"}
        await site.ask("POST", session + "/xhr", headers=headers)
        facts = site.echo.facts
        assert facts.remote_ip == "127.0.0.1"
        assert facts.path == session + "/xhr"
        assert facts.transport == "xhr"
        assert facts.headers["x-thing"] == "7"
        assert dict(facts.cookies) == {"who": "ann", "b": "2"}


async def test_close_all_ends_every_kind_and_lets_none_open() -> None:
    async with serving() as site:
        polled, streamed = site.session(), site.session()
        await site.poll(polled)
        stream = await site.stream("POST", streamed + "/xhr_streaming")
        await stream.chunk()
        socket = await site.websocket(site.session() + "/websocket")
        assert await socket.read_message() == "o"
        await eventually(lambda: len(site.connections) == 3)
        await site.sessions.close_all(3001, "Restart")
        assert [getattr(connection, "events", None) for connection in site.connections] == [["open", "close"]] * 3
        assert await stream.body() == 'o\nc[3001,"Restart"]\n'
        assert await socket.read_message() == 'c[3001,"Restart"]'
        assert await socket.read_message() is None
        assert (await site.ask("POST", site.session() + "/xhr")).status == 503
        await site.sessions.close_all()


async def test_closing_in_on_open_still_closes_once() -> None:
    class Counting(Closing):
        closes = 0

        async def on_close(self) -> None:
            self.closes += 1

    async with serving(Counting, settings=HASTY) as site:
        await site.poll(site.session())
        await eventually(lambda: len(site.sessions) == 0)
        connection = site.connections[0]
        assert isinstance(connection, Counting)
        connection.close()
        assert connection.closes == 1
