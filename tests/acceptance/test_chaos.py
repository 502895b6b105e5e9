"""Three people edit one worksheet while its backend and worker are killed, again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import nbformat
import pytest

from sagews.client.site import SiteClient
from sagews.messages.commands import Save
from tests.acceptance.editor import TOKEN, Editor, same
from tests.acceptance.program import IMPATIENT, SiteProgram
from tests.waiting import eventually

EDITS = int(os.environ.get("CHAOS_EDITS", "200"))
KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
SEED = os.environ.get("CHAOS_SEED", "")
PATH = "chaos.ipynb"


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[SiteProgram]:
    """A site that may be killed."""
    program = SiteProgram(tmp_path, start_with=("-c", IMPATIENT))
    program.start()
    try:
        yield program
    finally:
        program.stop()


async def work(program: SiteProgram, editors: list[Editor], chance: random.Random) -> None:
    """Edits and runs by everyone, and kills between them."""
    edits_between = max(1, EDITS // (KILLS + 1))
    killed: dict[str, int] = {}
    for number in range(EDITS):
        editor = chance.choice(editors)
        editor.edit()
        if chance.random() < 0.3:
            editor.run()
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * 0.02)  # people do not type all at the same moment
        if number % edits_between == edits_between - 1 and number // edits_between < KILLS:
            child = chance.choice(["worker", "backend"]) if killed else "worker"
            await program.until_again(child, killed.get(child, 0))
            killed[child] = program.kill(child)
            if chance.random() < 0.7:
                await program.until_again(child, killed[child])


async def test_what_is_acknowledged_is_kept_and_no_command_runs_twice(own_site: SiteProgram) -> None:
    seed = SEED or str(random.randrange(10**9))
    print(f"CHAOS_SEED={seed} CHAOS_EDITS={EDITS} CHAOS_KILLS={KILLS}")
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(SiteClient(own_site.url, own_site.token)) for _ in range(3)]
        workspace = str((await sites[0].call("POST", "/api/workspaces", {"name": "chaos"}))["id"])
        editors = [Editor(site, workspace, name, chance) for site, name in zip(sites, "abc", strict=True)]
        for editor in editors:
            await editor.start(PATH)
        await work(own_site, editors, chance)
        for editor in editors:
            await editor.all_acknowledged(within_seconds=60)
            assert editor.failures == []
        await eventually(lambda: same(editors), within_seconds=10)
        for editor in editors:
            assert editor.acknowledged >= editor.sent
        once = Counter(token for editor in editors for token in editor.sent)
        assert Counter(editors[0].tokens()) == once
        await eventually(lambda: saved_has(sites[0], editors[0], workspace, once), within_seconds=20)
        await check_runs(sites[0], workspace, editors)
        for editor in editors:
            await editor.stop()


async def saved_has(site: SiteClient, editor: Editor, workspace: str, once: Counter[str]) -> bool:
    """Whether the file is a right notebook with every token once."""
    await editor.channel.command(Save(editor.document))
    data = await site.call("GET", f"/api/workspaces/{workspace}/files/{PATH}")
    notebook = nbformat.reads(json.dumps(data), as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    return Counter(token for cell in notebook.cells for token in TOKEN.findall(cell.source)) == once


async def check_runs(site: SiteClient, workspace: str, editors: list[Editor]) -> None:
    """No command ran twice, and none ran that nobody gave."""
    response = await site._fetch("GET", f"/api/workspaces/{workspace}/files/runs.txt", None)
    ran = Counter(response.body.decode().split())
    assert [token for token, times in ran.items() if times > 1] == []
    assert set(ran) <= {token for editor in editors for token in editor.asked}
    print(f"{len(ran)} runs of {sum(len(editor.asked) for editor in editors)} asked")
