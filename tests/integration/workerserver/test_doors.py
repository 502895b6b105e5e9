"""Who gets in, how large a message may be, and what is left when a worker dies."""

from __future__ import annotations

import asyncio
import signal
import ssl
import struct
from pathlib import Path

import pytest

from sagews.certificates import CertificateFolder, Role, client_context, ensure
from sagews.certificates.token import worker_token
from sagews.client.worker import WorkerClient
from sagews.errors import NotAllowed, NotSignedIn, OverLimit, SagewsError, WorkerUnavailable
from sagews.messages.connection import Pong, Refused
from sagews.messages.records import Limits
from sagews.messages.workspace import OpenWorkspace
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make, WorkerProgram, start_program
from tests.integration.workerserver.peer import Peer
from tests.waiting import eventually, eventually_sync


def certificates(program: WorkerProgram) -> CertificateFolder:
    return CertificateFolder(path=program.data / "certificates")


async def test_a_backend_with_certificate_and_token_gets_in(worker_program: WorkerProgram) -> None:
    folder = certificates(worker_program)
    context = client_context(folder.identity(Role.BACKEND))
    async with WorkerClient.tls("127.0.0.1", worker_program.port, context, worker_token(folder.path)) as client:
        assert client.welcome is not None
        assert client.welcome.environments == ("sage", "python")


async def test_a_wrong_token_is_refused(worker_program: WorkerProgram) -> None:
    context = client_context(certificates(worker_program).identity(Role.BACKEND))
    with pytest.raises(NotSignedIn):
        await WorkerClient.tls("127.0.0.1", worker_program.port, context, "guess").connect()


async def test_a_certificate_of_the_wrong_role_is_refused(worker_program: WorkerProgram) -> None:
    folder = certificates(worker_program)
    context = client_context(folder.identity(Role.WORKER))
    with pytest.raises(NotAllowed):
        await WorkerClient.tls("127.0.0.1", worker_program.port, context, worker_token(folder.path)).connect()


async def test_without_a_certificate_nothing_is_said(worker_program: WorkerProgram) -> None:
    context = ssl.create_default_context(cafile=str(certificates(worker_program).authority))
    with pytest.raises(SagewsError):
        await WorkerClient.tls("127.0.0.1", worker_program.port, context, "t").connect()


async def test_a_certificate_of_another_authority_is_refused(worker_program: WorkerProgram, tmp_path: Path) -> None:
    other = ensure(tmp_path / "certificates")
    context = client_context(other.identity(Role.BACKEND))
    context.load_verify_locations(certificates(worker_program).authority)
    with pytest.raises(SagewsError):
        await WorkerClient.tls("127.0.0.1", worker_program.port, context, "t").connect()


async def test_who_does_not_greet_is_closed(own_server: Make) -> None:
    server = await own_server(WorkerSettings(hello_seconds=0.2))
    peer = Peer(*await asyncio.open_unix_connection(str(server.socket)))
    assert isinstance((await peer.hear()).content, Refused)
    with pytest.raises(EOFError):
        await peer.hear()
    await peer.close()


async def test_who_says_nothing_makes_room_for_who_does(own_server: Make, expected_log: object) -> None:
    expected_log("sagews.worker.server", "Stranger cut")  # type: ignore[operator]
    server = await own_server(WorkerSettings(ungreeted_connections=2))
    silent = [Peer(*await asyncio.open_unix_connection(str(server.socket))) for _ in range(2)]
    await eventually(lambda: len(server.server._ungreeted) == 2)
    one_more = await Peer.unix(server.socket)
    with pytest.raises((EOFError, ConnectionResetError)):
        await silent[0].hear()
    assert len(server.server._ungreeted) == 1
    for peer in [silent[1], one_more]:
        await peer.close()
    silent[0].writer.close()


async def test_the_first_message_must_be_hello(worker_program: WorkerProgram) -> None:
    peer = Peer(*await asyncio.open_unix_connection(str(worker_program.socket)))
    peer.say(OpenWorkspace(kept=False), workspace="w", epoch=1, request=1)
    assert (await peer.hear()).content.code == "bad_message"  # type: ignore[attr-defined]
    await peer.close()


async def test_a_frame_that_is_too_large_ends_the_connection(worker_program: WorkerProgram) -> None:
    peer = Peer(*await asyncio.open_unix_connection(str(worker_program.socket)))
    peer.writer.write(struct.pack(">I", 2**31))
    assert (await peer.hear()).content.code == "too_large"  # type: ignore[attr-defined]
    await peer.close()


async def test_a_silent_backend_is_pinged_and_then_dead(own_server: Make, expected_log: object) -> None:
    expected_log("sagews.worker.connection", "Backend is silent")  # type: ignore[operator]
    server = await own_server(WorkerSettings(silence_seconds=0.1))
    peer = await Peer.unix(server.socket, "backend")
    assert [(await peer.hear()).content.type for _ in range(2)] == ["openings", "room"]
    with pytest.raises((EOFError, ConnectionResetError)):
        await peer.hear()
    assert peer.pings > 0
    peer.writer.close()


async def test_a_backend_that_answers_stays(own_server: Make) -> None:
    server = await own_server(WorkerSettings(silence_seconds=0.05))
    async with WorkerClient.unix(server.socket, role="backend") as client:
        lost = []
        client.on_lost = lambda: lost.append(1)
        peer = await Peer.unix(server.socket, "backend")
        for _ in range(10):
            peer.say(Pong())
            await asyncio.sleep(0.05)
        assert not lost
        await peer.close()


async def test_idle_and_wall_limits_say_so(worker_program: WorkerProgram) -> None:
    async with WorkerClient.unix(worker_program.socket) as client:
        session = await client.open_session("python", limits=Limits(wall_seconds=1))
        ended = await session.evaluate("import time; time.sleep(60)")
        assert (ended.status, ended.reason) == ("died", "wall time limit 1 s")
        idle = await client.open_session("python", limits=Limits(idle_seconds=1))
        await eventually(lambda: idle.ended is not None)
        assert idle.ended is not None
        assert (idle.ended.reason, idle.ended.code) == ("idle 1 s", "idle")


async def test_over_capacity_waits_then_is_refused(own_server: Make) -> None:
    server = await own_server(WorkerSettings(sessions=1, sessions_waiting=1))
    async with WorkerClient.unix(server.socket) as client:
        first = await client.open_session()
        waiting = asyncio.create_task(client.open_session())
        await eventually(lambda: any(session.place == 1 for session in client.sessions))
        with pytest.raises(OverLimit):
            await client.open_session()
        await first.close()
        second = await waiting
        assert (await second.evaluate("1+1")).text == "2"


async def test_the_client_connects_again_and_goes_on(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        session = await client.open_session()
        running = asyncio.create_task(session.evaluate("input()\nprint('after')\n7", allow_stdin=True))
        await session.on_input.get()
        lost = asyncio.Event()
        client.on_lost = lost.set
        for connection in tuple(server.server._connections):
            connection.close()
        await lost.wait()
        await session.reply("x")
        result = await running
        assert (result.stdout, result.text) == ("after\n", "7")


def processes_below(folder: Path) -> list[str]:
    """Every process whose command line or environment names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


async def test_killed_worker_leaves_no_process(tmp_path: Path) -> None:
    program = start_program(tmp_path, "[worker.environments.sage]\nenabled = false\n")
    client = WorkerClient.unix(program.socket)
    await client.connect()
    session = await client.open_session("python")
    code = "import subprocess; subprocess.Popen(['sleep', '1000'])\nwhile 1: pass"
    spinning = asyncio.create_task(session.evaluate(code))
    await eventually(lambda: len(processes_below(tmp_path)) >= 3)
    program.process.send_signal(signal.SIGKILL)
    program.process.wait()
    eventually_sync(lambda: not processes_below(tmp_path), within_seconds=10)
    spinning.cancel()
    await client.close()
    with pytest.raises((SagewsError, asyncio.CancelledError)):
        await spinning


async def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkerUnavailable):
        await WorkerClient.unix(tmp_path / "none.sock").connect()
