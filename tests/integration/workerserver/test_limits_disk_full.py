"""The disk of the machine is full: people are told, sessions compute on, and the worker is well again with the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sagews.client.worker import WorkerClient
from sagews.messages.commands import OpenDocument, Save
from sagews.messages.frame import Frame, Message
from sagews.messages.workspace import Notice, OpenWorkspace, Saved
from tests.integration.workerserver.conftest import WorkerProgram, stop_program
from tests.waiting import eventually_sync

UNSHARE = shutil.which("unshare")
MOUNT = 'mount -t tmpfs -o size=40m tmpfs "$1" && shift && exec "$@"'


def can_mount() -> bool:
    """Whether a disk of the test's own can be made (by a user namespace)."""
    command = [UNSHARE or "unshare", "-rm", "sh", "-c", MOUNT, "sh", "/mnt", "true"]
    return UNSHARE is not None and subprocess.run(command, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="no disk of its own can be mounted here")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[WorkerProgram]:
    """A worker whose data folder is a disk of 40 MB, which only it and its sessions see."""
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    run.mkdir()
    config = tmp_path / "sagews.toml"
    config.write_text(
        f'data_folder = "{data}"\n[worker]\nunix_socket = "{run}/socket"\ncheckpoint_seconds = 0.5\n'
        "[worker.environments.sage]\nenabled = false\n"
    )
    worker = [sys.executable, "-m", "sagews.worker", "--config", str(config)]
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [str(UNSHARE), "-rm", "sh", "-c", MOUNT, "sh", str(data), *worker],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
    eventually_sync(lambda: (run / "socket").exists() or process.poll() is not None, within_seconds=60)
    program = WorkerProgram(process, run)
    yield program
    stop_program(program)


async def test_it_is_told_and_gets_well_again(small_disk: WorkerProgram) -> None:
    async with WorkerClient.unix(small_disk.data / "socket") as client:
        await client.request(Frame(content=OpenWorkspace(), workspace="w1", epoch=1))
        session = await client.open_session("python", workspace="w1")
        channel = client.channel("w1")
        await channel.attach()
        opened = await channel.command(OpenDocument("a.ipynb", create=True))
        fill = "import os\nwhile True: open('fill', 'ab').write(bytes(2**20))"
        assert "No space left" in (await session.evaluate(fill)).error
        flood = await session.evaluate("print('x' * 5_000_000)")
        assert flood.status == "interrupted"
        assert "Output cannot be kept (No space left on device)" in session.notices[-1].text
        assert (await session.evaluate("1+1")).text == "2"
        await channel.command(Save(document=opened.content.document))  # type: ignore[attr-defined]
        events = channel.events()
        await _until(events, Notice, "cannot be written; it is tried again")
        await session.evaluate("os.unlink('fill')")
        await _until(events, Saved)


async def _until(events: AsyncIterator[Frame], kind: type[Message], words: str = "") -> None:
    async for frame in events:
        if isinstance(frame.content, kind) and words in getattr(frame.content, "text", ""):
            return
