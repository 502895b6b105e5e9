"""Kill -9 of each part of a site while a cell spins in C: nothing is left, everyone is told why, it starts again.

The promise is "within a second"; the deadlines are generous because machines that run tests are busy.
"""

from __future__ import annotations

import os
import platform
import secrets
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from pycrdt import Array, Doc, Map, Text

from sagews.client.site import SiteClient
from sagews.messages import Frame
from sagews.messages.commands import OpenDocument, RunCells
from sagews.messages.workspace import Update
from tests.acceptance.program import SiteProgram, command_of, every_process, parent_of
from tests.integration.backend.talk import Talk
from tests.waiting import eventually

GONE_SECONDS = 5.0
JUMP_TO_ITSELF = {"x86_64": b"\xeb\xfe", "aarch64": b"\x00\x00\x00\x14"}
SPIN = f"""
import ctypes, mmap, os, subprocess
subprocess.Popen(["setsid", "sh", "-c", "trap : TERM INT HUP; while :; do :; done"])
print("spins", flush=True)
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write({JUMP_TO_ITSELF.get(platform.machine(), b"")!r})
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
"""

pytestmark = pytest.mark.skipif(platform.machine() not in JUMP_TO_ITSELF, reason="no machine code for this processor")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProgram]:
    """A site of which parts are killed."""
    program = SiteProgram(tmp_path_factory.mktemp("deaths"))
    program.start()
    try:
        yield program
    finally:
        program.stop()


@dataclass
class Spinning:
    """A worksheet of which a cell spins, and what it consists of."""

    talk: Talk
    workspace: str
    document: str
    copy: Doc
    below: set[int]
    """The processes of its session, and of what the session started."""

    @property
    def session(self) -> int:
        """The process that spins: the one below the session's init."""
        [pid] = [one for one in self.below if parent_of(one) in self.below and b"zygote" in command_of(one)]
        return pid

    async def gone(self) -> None:
        """Wait until nothing of the session runs; prints how long that took."""
        began = time.monotonic()
        await eventually(lambda: not self.below & running(), within_seconds=GONE_SECONDS)
        print(f"gone after {time.monotonic() - began:.2f} s")

    async def starts_again(self) -> None:
        """What "start again" does: attach where that is needed, open the worksheet, run a cell."""
        epoch = await eventually(lambda: self.talk.attached(self.workspace), within_seconds=60)
        assert epoch
        opened = await self.talk.obeyed(OpenDocument("spin.ipynb"), self.workspace)
        assert opened.content.type == "acknowledged"
        await run(self.talk, self.workspace, self.document, self.copy, "print(6 * 7)")
        await self.talk.hear("stream", where=lambda frame: "42" in frame.content.text)  # type: ignore[attr-defined]


def running() -> set[int]:
    """Every process that is no zombie."""
    return {one for one in every_process() if command_of(one)}


def below(pid: int) -> set[int]:
    """Its descendants."""
    found, parents = set[int](), {one: parent_of(one) for one in every_process()}
    new = {pid}
    while new:
        new = {one for one, parent in parents.items() if parent in new}
        found |= new
    return found


async def run(talk: Talk, workspace: str, document: str, copy: Doc, code: str) -> None:
    """Put the code into the first cell and run it."""
    before = copy.get_state()
    source = copy.get("cells", type=Map)[copy.get("order", type=Array)[0]]["source"]
    assert isinstance(source, Text)
    source.clear()
    source += code
    answer = await talk.answer(await talk.command(Update(document, copy.get_update(before)), workspace))
    assert answer.content.type == "acknowledged"
    await talk.obeyed(RunCells(document, all=True), workspace)


@pytest_asyncio.fixture
async def spinning(program: SiteProgram) -> AsyncIterator[Spinning]:
    if not program.is_running:
        program.start()
    async with SiteClient(program.url, program.token) as site:
        workspace = str((await site.call("POST", "/api/workspaces", {"name": f"spin {secrets.token_hex(4)}"}))["id"])
        talk = await Talk.open(program.url, program.token)
        await talk.attach(workspace)
        opened = await talk.obeyed(OpenDocument("spin.ipynb", create=True, environment="python"), workspace)
        document = opened.content.document  # type: ignore[attr-defined]
        copy: Doc = Doc()
        copy.apply_update((await talk.hear("document_update")).content.update)  # type: ignore[attr-defined]
        idle = program.processes()
        await run(talk, workspace, document, copy, SPIN)
        await talk.hear("stream", where=lambda frame: "spins" in frame.content.text)  # type: ignore[attr-defined]
        [looping] = await eventually(lambda: [one for one in running() if is_loop(one, program)])
        init = init_of(looping, program.zygote())
        assert looping not in idle
        spinning = Spinning(talk, workspace, document, copy, {init, *below(init)})
        yield spinning
        await talk.close()
        if program.is_running:
            await site.delete_workspace(workspace)
        await eventually(lambda: not spinning.below & running())


def is_loop(pid: int, program: SiteProgram) -> bool:
    return b"while :; do :; done" in command_of(pid) and pid in program.processes()


def init_of(pid: int, zygote: int) -> int:
    """The ancestor whose parent is the zygote."""
    while parent_of(pid) not in (0, 1, zygote):
        pid = parent_of(pid)
    assert parent_of(pid) == zygote
    return pid


async def told(spinning: Spinning, *types: str) -> Frame:
    return await spinning.talk.hear(*types)


async def test_of_a_session(spinning: Spinning) -> None:
    os.kill(spinning.session, signal.SIGKILL)
    await spinning.gone()
    assert (await told(spinning, "session_ended")).content.reason == "killed by SIGKILL"  # type: ignore[attr-defined]
    assert (await told(spinning, "run_ended")).content.status == "died"  # type: ignore[attr-defined]
    await spinning.starts_again()


async def test_of_a_zygote(spinning: Spinning, program: SiteProgram) -> None:
    zygote = program.zygote()
    os.kill(zygote, signal.SIGKILL)
    await spinning.gone()
    assert (await told(spinning, "session_ended")).content.reason == "its zygote (python) died"  # type: ignore[attr-defined]
    await spinning.starts_again()
    assert program.zygote() != zygote


async def test_of_the_worker(spinning: Spinning, program: SiteProgram) -> None:
    worker = program.pid("worker")
    everything = {worker, *below(worker)}
    assert spinning.below < everything
    program.kill("worker")
    spinning.below |= everything
    await spinning.gone()
    closed = await told(spinning, "workspace_closed")
    assert "worker" in closed.content.reason  # type: ignore[attr-defined]
    await program.until_again("worker", worker)
    await spinning.starts_again()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
async def test_of_the_whole(how: signal.Signals, program: SiteProgram, spinning: Spinning) -> None:
    everything = program.processes()
    assert spinning.below < everything
    os.kill(program.pid("run"), how)
    began = time.monotonic()
    await eventually(lambda: not everything & running(), within_seconds=30)
    print(f"gone after {time.monotonic() - began:.2f} s")
    assert program.processes() == set()
    assert program.stop() == (-signal.SIGKILL if how == signal.SIGKILL else 0)
