"""Following a workspace: attach, resume, snapshot, several subscribers, slow ones; commands at most once."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from sagews.client.worker import WorkerClient
from sagews.messages import commands, jupyter
from sagews.messages.connection import Done
from sagews.messages.files import Credit, FilePiece, OutputRead
from sagews.messages.frame import Frame
from sagews.messages.workspace import (
    Acknowledged,
    Attach,
    Attached,
    CloseWorkspace,
    OpenWorkspace,
    OutputCut,
    PersonCame,
    RunEnded,
    SessionStarted,
)
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make, WorkerProgram
from tests.integration.workerserver.peer import Peer

COUNT = "import sys, time\nfor i in range(200):\n    print(i, flush=True)\n    time.sleep(0.005)\n"


class Script:
    """A raw peer with a scratch workspace and a session in it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.workspace = f"t{secrets.token_hex(6)}"
        self.k = 0
        self.cursor = (0, 0)

    @classmethod
    async def begin(cls, program: WorkerProgram) -> Script:
        script = cls(await Peer.unix(program.socket))
        script.peer.say(OpenWorkspace(kept=False), workspace=script.workspace, epoch=1, request=1)
        await script.peer.hear_kind(Done)
        await script.attach()
        script.command(commands.OpenSession("python"))
        await script.until(SessionStarted)
        return script

    async def attach(self) -> Frame:
        epoch, n = self.cursor
        self.peer.say(Attach(), workspace=self.workspace, channel=1, client="c", epoch=epoch, n=n, request=9)
        return await self.until(Attached)

    def command(self, content: object, k: int = 0) -> None:
        if not k:
            self.k += 1
        self.peer.say(content, workspace=self.workspace, session="s", epoch=1, client="c", k=k or self.k, channel=1)  # type: ignore[arg-type]

    async def until(self, kind: type) -> Frame:
        while True:
            frame = await self.hear()
            if isinstance(frame.content, kind):
                return frame

    async def hear(self) -> Frame:
        frame = await self.peer.hear()
        if frame.n and not isinstance(frame.content, Acknowledged):
            if not isinstance(frame.content, Attached):
                assert frame.n == self.cursor[1] + 1, "an event is missing or came twice"
            self.cursor = (frame.epoch, frame.n)
        return frame

    async def close(self) -> None:
        self.peer.say(CloseWorkspace(), workspace=self.workspace, request=2)
        await self.peer.hear_kind(Done)
        await self.peer.close()


async def test_resumed_in_the_middle_of_output_nothing_is_missing_or_doubled(worker_program: WorkerProgram) -> None:
    script = await Script.begin(worker_program)
    script.command(commands.Execute(COUNT))
    text = ""
    hows = []
    for stop in ("5\n", "30\n", "90\n", "never"):
        while True:
            frame = await script.hear()
            if isinstance(frame.content, jupyter.Stream):
                text += frame.content.text
            if isinstance(frame.content, RunEnded) or stop in text:
                break
        if isinstance(frame.content, RunEnded):
            break
        await script.peer.close()
        script.peer = await Peer.unix(worker_program.socket)
        attached = await script.attach()
        hows.append(attached.content.how)  # type: ignore[attr-defined]
    assert hows == ["resumed"] * 3
    assert text == "".join(f"{i}\n" for i in range(200))
    await script.close()


async def test_a_snapshot_and_what_follows_it_make_the_whole(worker_program: WorkerProgram) -> None:
    script = await Script.begin(worker_program)
    script.command(commands.Execute(COUNT))
    for _ in range(20):
        await script.until(jupyter.Stream)
    other = Script(await Peer.unix(worker_program.socket))
    other.workspace = script.workspace
    attached = await other.attach()
    assert attached.content.how == "snapshot"  # type: ignore[attr-defined]
    run = attached.content.snapshot.cells[0]  # type: ignore[attr-defined]
    assert [item.running for item in attached.content.snapshot.queue] == [True]  # type: ignore[attr-defined]
    text = run.outputs[0]["text"]
    while True:
        frame = await other.hear()
        if isinstance(frame.content, jupyter.Stream):
            text += frame.content.text
        if isinstance(frame.content, RunEnded):
            break
    assert text == "".join(f"{i}\n" for i in range(200))
    await other.peer.close()
    await script.close()


async def test_a_command_sent_again_is_answered_again_and_obeyed_once(worker_program: WorkerProgram) -> None:
    script = await Script.begin(worker_program)
    script.command(commands.Execute("x = globals().get('x', 0) + 1"))
    first = await script.until(Acknowledged)
    await script.peer.close()
    script.peer = await Peer.unix(worker_program.socket)
    attached = await script.attach()
    assert attached.content.k == script.k  # type: ignore[attr-defined]
    script.command(commands.Execute("x = globals().get('x', 0) + 1"), k=script.k)
    assert (await script.until(Acknowledged)).content == first.content
    script.command(commands.Execute("x"))
    result = await script.until(jupyter.ExecuteResult)
    assert result.content.data == {"text/plain": "1"}  # type: ignore[attr-defined]
    await script.close()


async def test_people_see_each_other_and_the_same_stream(worker_program: WorkerProgram) -> None:
    script = await Script.begin(worker_program)
    other = Script(await Peer.unix(worker_program.socket))
    other.workspace = script.workspace
    other.peer.say(Attach(), workspace=script.workspace, channel=3, client="d", request=1)
    attached = await other.until(Attached)
    assert [person.client for person in attached.content.people] == ["c", "d"]  # type: ignore[attr-defined]
    await script.until(PersonCame)
    script.command(commands.Execute("print('both')"))
    one, two = await script.until(jupyter.Stream), await other.until(jupyter.Stream)
    assert (one.content, one.n, two.channel) == (two.content, two.n, 3)
    await other.peer.close()
    await script.close()


async def test_a_reader_cannot_run(worker_program: WorkerProgram) -> None:
    from sagews.messages.connection import Refused
    from sagews.messages.records import Actor

    script = await Script.begin(worker_program)
    reader = Attach(Actor("bob", "Bob", "reader"))
    script.peer.say(reader, workspace=script.workspace, channel=2, client="r", request=3)
    await script.until(Attached)
    script.peer.say(commands.Execute("1"), workspace=script.workspace, session="s", epoch=1, client="r", k=1, channel=2)
    refused = await script.peer.hear_kind(Refused)
    assert (refused.content.code, refused.k) == ("not_allowed", 1)  # type: ignore[attr-defined]
    await script.close()


async def test_a_flood_that_nobody_reads_is_kept_and_costs_no_memory(worker_program: WorkerProgram) -> None:
    script = await Script.begin(worker_program)
    before = memory_of(worker_program.process.pid)
    lines, line = 3_000_000, "x" * 99
    flood = f"for i in range({lines // 1000}):\n    print('\\n'.join(['{line}'] * 1000))\n"
    script.command(commands.Execute(flood))
    async with WorkerClient.unix(worker_program.socket) as watcher:
        channel = watcher.channel(script.workspace)
        await channel.attach()
        peak, cut, run = before, None, ""
        async for frame in channel.events():
            peak = max(peak, memory_of(worker_program.process.pid))
            if isinstance(frame.content, OutputCut):
                cut, run = frame.content, frame.run
            if isinstance(frame.content, RunEnded):
                assert frame.content.status == "ok"
                break
    assert peak - before < 64 * 2**20
    assert cut is not None
    assert (cut.kept_bytes, cut.kept_lines) == (lines * 100, lines)
    assert cut.tail.endswith(line + "\n")
    bulk = await Peer.unix(worker_program.socket, "bulk")
    bulk.say(OutputRead(), workspace=script.workspace, run=run, request=5)
    size = newlines = 0
    while True:
        piece = await bulk.hear_kind(FilePiece)
        size += len(piece.payload)
        newlines += piece.payload.count(b"\n")
        if piece.content.last:  # type: ignore[attr-defined]
            break
        bulk.say(Credit(1), request=5)
    assert (size, newlines) == (lines * 100, lines)
    await bulk.close()
    # The one that did not read gets a whole picture now.
    script.command(commands.Execute("'after'"))
    while True:
        frame = await script.peer.hear()
        if isinstance(frame.content, jupyter.ExecuteResult) and frame.content.data == {"text/plain": "'after'"}:
            break
    await script.close()


def memory_of(pid: int) -> int:
    """Resident bytes of a process."""
    with Path(f"/proc/{pid}/status").open() as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


async def test_one_that_falls_out_of_the_buffer_gets_a_snapshot(own_server: Make) -> None:
    server = await own_server(WorkerSettings(replay_events=50))
    peer = await Peer.unix(server.socket)
    script = Script(peer)
    peer.say(OpenWorkspace(kept=False), workspace=script.workspace, epoch=1, request=1)
    await peer.hear_kind(Done)
    await script.attach()
    old = script.cursor
    script.command(commands.OpenSession("python"))
    for _ in range(20):
        script.command(commands.Execute("1"))
    for _ in range(20):
        await script.until(RunEnded)
    await peer.close()
    script.peer = await Peer.unix(server.socket)
    script.cursor = (1, old[1])
    attached = await script.attach()
    assert attached.content.how == "snapshot"  # type: ignore[attr-defined]
    await asyncio.wait_for(script.close(), 10)


async def test_a_workspace_with_very_much_output_can_be_attached_to(own_server: Make) -> None:
    server = await own_server(WorkerSettings(replay_events=50, snapshot_bytes=20_000, output_shown_bytes=9_000))
    async with WorkerClient.unix(server.socket) as client:
        session = await client.open_session("python")
        for _ in range(8):
            await session.evaluate(
                "from IPython.display import HTML, display; display(HTML('x' * 4000)); print('y' * 9500)"
            )
        other = client.channel(session.channel.workspace)
        attached = (await other.attach()).content
        assert isinstance(attached, Attached)
        assert attached.snapshot is not None
        cells = attached.snapshot.cells
        assert [run.kept_bytes for run in cells] == [9501] * 8
        assert sorted(run.cut for run in cells) == [False] + [True] * 7
        assert sum("data" in output for run in cells for output in run.outputs) == 2
        await session.evaluate("'goes on'")


async def test_a_snapshot_says_how_much_of_a_run_is_hidden(own_server: Make) -> None:
    server = await own_server(WorkerSettings(output_shown_bytes=100, output_tail_bytes=50))
    async with WorkerClient.unix(server.socket) as client:
        session = await client.open_session("python")
        await session.evaluate("for i in range(1000): print('x' * 99)")
        attached = (await client.channel(session.channel.workspace).attach()).content
        [run] = attached.snapshot.cells  # type: ignore[attr-defined]
        assert (run.cut, run.hidden_bytes, run.kept_bytes, run.kept_lines) == (True, 99_850, 100_000, 1000)
