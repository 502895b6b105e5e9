"""Kill -9 of whoever writes: what it was told to be written is there."""

from __future__ import annotations

import asyncio
import sys

from sagews.database import Store
from sagews.database.workspaces import Workspace

WRITER = """
import asyncio, sys
from sagews.database import Store, create_engine
from sagews.database.journal import Entry

async def write(url, workspace):
    store = Store(create_engine(url))
    n = 0
    while True:
        n += 1
        await store.journal.append(workspace, 1, [Entry(n, "d", "d.ipynb", b"update", "emmy")])
        print(n, flush=True)

asyncio.run(write(*sys.argv[1:]))
"""


async def test_edits_survive_the_death_of_their_writer(url: str, store: Store, workspace: Workspace) -> None:
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, workspace.id, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    for _ in range(20):
        await writer.stdout.readline()
    writer.kill()
    acknowledged = 20 + len((await writer.stdout.read()).splitlines())
    await writer.wait()
    written = [row.n for row in await store.journal.read(workspace.id)]
    assert written[:acknowledged] == list(range(1, acknowledged + 1))
    assert len(written) <= acknowledged + 1


async def test_two_processes_write_at_once(url: str, store: Store, workspace: Workspace) -> None:
    """On SQLite as well: the command line may write while the backend does."""
    await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, workspace.id, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    for number in range(20):
        assert int(await writer.stdout.readline()) == number + 1
        await store.workspaces.touch(workspace.id)
    writer.kill()
    await writer.communicate()
