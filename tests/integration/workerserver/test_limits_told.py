"""Each limit is told before it is reached and when it is, and what it refuses names it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sagews.client.worker import WorkerClient
from sagews.client.worker_session import WorkerSession
from sagews.errors import OverLimit, SagewsError
from sagews.messages.connection import Done, Refused
from sagews.messages.files import FileDelete
from sagews.messages.frame import Frame
from sagews.messages.records import Limits
from sagews.messages.workspace import OpenWorkspace
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make
from tests.integration.workerserver.peer import Peer
from tests.integration.workerserver.test_files import Bulk
from tests.waiting import eventually

MIB = 2**20


async def in_workspace(client: WorkerClient, limits: Limits) -> WorkerSession:
    """A session in the open workspace `w1`."""
    await client.request(Frame(content=OpenWorkspace(kept=False, limits=limits), workspace="w1", epoch=1))
    return await client.open_session(workspace="w1")


def told(session: WorkerSession) -> Callable[[str], bool]:
    """Whether there was a notice with these words."""
    return lambda words: any(words in notice.text for notice in session.notices)


async def test_wall_and_idle_time_are_warned_of(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        wall = await client.open_session(limits=Limits(wall_seconds=1))
        ended = await wall.evaluate("import time; time.sleep(60)")
        assert (ended.status, ended.reason) == ("died", "wall time limit 1 s")
        assert told(wall)("The session ends in 0.1 s: it may live 1 s.")
        idle = await client.open_session(limits=Limits(idle_seconds=1))
        await eventually(lambda: idle.ended is not None)
        assert idle.ended is not None
        assert idle.ended.reason == "idle 1 s"
        assert told(idle)("Nothing has run here for a while. The session ends after 1 s, in 0.1 s.")


async def test_a_program_may_keep_what_it_has_at_its_wall_limit(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        session = await in_workspace(client, Limits(wall_seconds=1))
        code = (
            "import os, signal\n"
            "def keep(*_): open('kept', 'w').write('all'); os._exit(0)\n"
            "signal.signal(signal.SIGQUIT, keep)\n"
            "while True: pass"
        )
        assert (await session.evaluate(code)).reason == "wall time limit 1 s"
        workspace, _ = server.server.workspaces.find("w1")
        assert (workspace.folder.files / "kept").read_text() == "all"


async def test_a_full_workspace(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        session = await in_workspace(client, Limits(disk_bytes=20 * MIB))
        says = told(session)
        fill = "import time\nfor n in range(25): open(f'f{n}', 'wb').write(b'x' * 2**20)\ntime.sleep(60)"
        assert (await session.evaluate(fill)).status == "interrupted"
        assert says("have more than 20 MiB. What runs is interrupted")
        with pytest.raises(OverLimit, match=r"more than 20 MiB\. Delete files"):
            await session.evaluate("1+1")
        bulk = Bulk(await Peer.unix(server.socket, "bulk"), "w1")
        refused = await bulk.write("new.bin", b"x" * 1000)
        assert isinstance(refused, Refused)
        assert refused.code == "over_limit"
        assert "no room for 'new.bin' (1000 bytes)" in refused.what
        for number in range(20):
            assert await bulk.ask(FileDelete(f"f{number}")) == Done()
        assert (await session.evaluate("1+1")).text == "2"
        assert await bulk.write("new.bin", b"x" * 1000) == Done()
        await bulk.peer.close()


@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("open(f'f{n}', 'w').close()", Limits(disk_files=1000), "disk limit 1000 files"),
        ("open(f'f{n}', 'w').write('x' * 10**5)", Limits(disk_bytes=MIB), "disk limit 1 MiB"),
    ],
)
async def test_what_goes_on_filling_the_disk_is_ended(own_server: Make, code: str, limits: Limits, reason: str) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        session = await in_workspace(client, limits)
        neighbour = await client.open_session()
        filler = f"import os\nif not os.fork():\n    for n in range(200_000): {code}\n    os._exit(0)"
        assert (await session.evaluate(filler)).status == "ok"
        await eventually(lambda: session.ended is not None, within_seconds=30)
        assert session.ended is not None
        assert (session.ended.reason, session.ended.code) == (reason, "limit")
        assert (await neighbour.evaluate("1+1")).text == "2"


async def test_a_session_that_ends_is_logged_once(own_server: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sagews.worker")
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        session = await in_workspace(client, Limits())
        with pytest.raises((SagewsError, AssertionError)):
            assert (await session.evaluate("import os; os._exit(3)")).status == "ok"
        await eventually(lambda: session.ended is not None)
    [record] = [one for one in caplog.records if getattr(one, "action", "") == "session_ended"]
    assert (record.workspace, record.session) == ("w1", session.name)  # type: ignore[attr-defined]
    assert (record.reason, record.code) == ("exited with status 3", "died")  # type: ignore[attr-defined]


async def test_limits_hold_when_the_clock_jumps(own_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        session = await client.open_session(limits=Limits(wall_seconds=3600, idle_seconds=3600))
        wall = await client.open_session(limits=Limits(wall_seconds=1))
        real = __import__("time").time
        for jump in (10 * 86400, -10 * 86400):
            monkeypatch.setattr("time.time", lambda jump=jump: real() + jump)
            assert (await session.evaluate("1+1")).text == "2"
        await eventually(lambda: wall.ended is not None)
        assert session.ended is None
        assert (await asyncio.wait_for(session.evaluate("1+1"), 10)).text == "2"
        assert Path(server.data).exists()
