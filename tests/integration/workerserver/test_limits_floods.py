"""Storms, floods and silence: bounded for who makes them, unnoticed by the others."""

from __future__ import annotations

import asyncio
import struct
from functools import partial

import pytest

from sagews.client.worker import WorkerClient
from sagews.client.worker_session import WorkerSession
from sagews.errors import OverLimit
from sagews.messages import commands, encode
from sagews.messages.connection import Done, Ping, Pong, Refused, Waiting
from sagews.messages.frame import Frame
from sagews.messages.records import Limits
from sagews.messages.room import Elsewhere, Room
from sagews.messages.workspace import Attach, CloseWorkspace, OpenWorkspace, RunEnded, SessionStarted
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make
from tests.integration.workerserver.peer import Peer
from tests.integration.workerserver.test_limits_told import in_workspace
from tests.waiting import eventually

MIB = 2**20


async def test_a_flood_is_kept_up_to_its_limit_and_no_further(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        session = await in_workspace(client, Limits(output_bytes=20 * MIB))
        neighbour = await client.open_session()
        flood = asyncio.create_task(session.evaluate("while True: print('x' * 999)"))
        while not flood.done():
            assert (await neighbour.evaluate("1+1")).text == "2"
        result = await flood
        assert result.status == "interrupted"
        assert f"Output limit reached ({20 * MIB} bytes" in session.notices[-1].text
        workspace, _ = server.server.workspaces.find("w1")
        assert workspace.folder.output(result.run).stat().st_size == 20 * MIB
        assert len(result.stdout) < 2 * MIB
        assert server.server.workspaces.tally.output_bytes >= 20 * MIB


async def test_a_flood_of_plots_that_is_slowed_down_is_complete(own_server: Make) -> None:
    server = await own_server(WorkerSettings(shown_per_second=500))
    async with WorkerClient.unix(server.socket) as client:
        session = await client.open_session()
        code = "from IPython.display import HTML\nfor n in range(1500): display(HTML(str(n)))"
        result = await session.evaluate(code)
        assert [output["data"]["text/html"] for output in result.outputs] == [str(n) for n in range(1500)]


async def test_a_reader_that_never_reads_costs_nobody_anything(own_server: Make) -> None:
    server = await own_server(WorkerSettings(replay_bytes=MIB))
    async with WorkerClient.unix(server.socket) as client:
        session = await in_workspace(client, Limits())
        silent = await Peer.unix(server.socket)
        silent.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for request in range(1, 1001):
            silent.say(Attach(), workspace="w1", epoch=1, channel=1, request=request)
        code = "from IPython.display import HTML\nfor n in range(300): display(HTML('x' * 50_000))"
        assert len((await session.evaluate(code)).outputs) == 300
        assert len(server.server._connections) == 2
        assert all(one._waiting_bytes() < 8 * MIB for one in server.server._connections)
        silent.writer.transport.abort()


async def test_a_storm_of_opens_is_served_in_its_order_or_refused(own_server: Make) -> None:
    server = await own_server(WorkerSettings(sessions=4, sessions_waiting=100, starts_per_minute=1000))
    peer = await Peer.unix(server.socket)
    for number in range(200):
        name = f"w{number}"
        peer.say(OpenWorkspace(kept=False, account=name), workspace=name, epoch=1, request=1)
        await peer.hear_kind(Done)
    started: list[str] = []
    waiting: list[str] = []
    refused: list[str] = []
    for number in range(200):
        name = f"w{number}"
        peer.say(Attach(), workspace=name, epoch=1, channel=number + 1, request=2)
        peer.say(commands.OpenSession(), workspace=name, epoch=1, channel=number + 1, session="s", client="c", k=1)
        while True:
            frame = await peer.hear()
            if isinstance(frame.content, (SessionStarted, Waiting, Refused)) and frame.workspace == name:
                break
        places = {SessionStarted: started, Waiting: waiting, Refused: refused}
        places[type(frame.content)].append(name)
        if isinstance(frame.content, Refused):
            assert "All 4 sessions of this worker are taken, and 100 wait." in frame.content.what
    assert (len(started), len(waiting), len(refused)) == (4, 100, 96)
    for name in started:
        peer.say(CloseWorkspace(), workspace=name, epoch=1, request=3)
    for name in waiting:
        assert (await peer.hear_kind(SessionStarted)).workspace == name
        peer.say(CloseWorkspace(), workspace=name, epoch=1, request=3)
    assert server.server.workspaces.room().waiting == 0
    await peer.close()


async def test_sessions_of_one_account_are_counted_together(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    opening = OpenWorkspace(kept=False, limits=Limits(sessions=2), account="ada")
    async with WorkerClient.unix(server.socket) as client:
        for name in ("w1", "w2", "w3"):
            await client.request(Frame(content=opening, workspace=name, epoch=1))
        first, _ = [await client.open_session(workspace=name) for name in ("w1", "w2")]
        with pytest.raises(OverLimit, match="has 2 already"):
            await client.open_session(workspace="w3")
        await client.request(Frame(content=OpenWorkspace(kept=False, account="grace"), workspace="w4", epoch=1))
        await client.open_session(workspace="w4")
        await client.request(Frame(content=CloseWorkspace(), workspace="w1", epoch=1))
        await eventually(lambda: first.ended is not None)
        await client.open_session(workspace="w3")


async def test_sessions_on_other_workers_count_too(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    backends = [await Peer.unix(server.socket, "backend") for _ in range(2)]
    opening = OpenWorkspace(kept=False, limits=Limits(sessions=2), account="ada")

    async def told(backend: Peer, sessions: int) -> None:
        backend.say(Elsewhere({"ada": sessions, "grace": 9}))
        backend.say(Ping(), request=1)
        await backend.hear_kind(Pong)

    async with WorkerClient.unix(server.socket) as client:
        await client.request(Frame(content=opening, workspace="w1", epoch=1))
        await told(backends[0], 1)
        await client.open_session(workspace="w1")
        with pytest.raises(OverLimit, match=r"has 2 already \(1 of them on other workers\)"):
            await client.open_session(workspace="w1")
        await told(backends[1], 0)  # it knows less, and the other one still says so
        with pytest.raises(OverLimit, match="may have 2 sessions"):
            await client.open_session(workspace="w1")
        await backends[0].close()
        await eventually(lambda: len(server.server._connections) == 2)
        await client.open_session(workspace="w1")
        while True:
            room = (await backends[1].hear_kind(Room)).content
            if room.accounts == {"ada": 2}:  # type: ignore[attr-defined]
                break
    await backends[1].close()


def _has_ended(session: WorkerSession) -> bool:
    return session.ended is not None


async def test_an_account_cannot_start_sessions_for_ever(own_server: Make) -> None:
    server = await own_server(WorkerSettings(starts_per_minute=3))
    async with WorkerClient.unix(server.socket) as client:
        await client.request(Frame(content=OpenWorkspace(kept=False, account="ada"), workspace="w1", epoch=1))
        for _ in range(3):
            session = await client.open_session(workspace="w1")
            assert (await session.evaluate("import os; os._exit(1)")).status == "died"
            await eventually(partial(_has_ended, session))
        with pytest.raises(OverLimit, match="started in a short time"):
            await client.open_session(workspace="w1")


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 64 * MIB + 1),
        b"%b%b" % (struct.pack(">I", 2 * MIB), b"[" * 2 * MIB),
        b"%b%b" % (struct.pack(">I", 20_000), b'{"type": ' + b"9" * 19_990 + b"}"),
    ],
    ids=["huge", "deep", "a number of 20,000 digits"],
)
async def test_frames_that_no_program_of_ours_sends(own_server: Make, data: bytes) -> None:
    server = await own_server(WorkerSettings())
    good, bad = await Peer.unix(server.socket), await Peer.unix(server.socket)
    bad.writer.write(data)
    assert (await bad.hear_kind(Refused)).content.code in ("too_large", "bad_message")  # type: ignore[attr-defined]
    with pytest.raises(EOFError):
        await bad.hear()
    good.say(Ping(), request=1)
    await good.hear_kind(Pong)
    for peer in (good, bad):
        await peer.close()


async def test_a_frame_that_is_deep_but_no_deeper_than_json_may_be(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    peer = await Peer.unix(server.socket)
    peer.say(OpenWorkspace(kept=False), workspace="w1", epoch=1, request=1)
    await peer.hear_kind(Done)
    peer.say(Attach(), workspace="w1", epoch=1, channel=1, request=2)
    peer.say(commands.OpenSession(), workspace="w1", epoch=1, channel=1, session="s", client="c", k=1)
    await peer.hear_kind(SessionStarted)
    deep = encode(Frame(content=commands.Execute("DEEP"), workspace="w1", epoch=1, channel=1, session="s"))
    text = deep[4:].replace(b'"DEEP"', b"[" * 900 + b"]" * 900)
    peer.writer.write(struct.pack(">I", len(text)) + text)
    assert (await peer.hear_kind(Refused)).content.code == "bad_message"  # type: ignore[attr-defined]
    peer.say(commands.Execute("1+1"), workspace="w1", epoch=1, channel=1, session="s", client="c", k=2)
    assert (await peer.hear_kind(RunEnded)).content.status == "ok"  # type: ignore[attr-defined]
    await peer.close()
