"""Three people edit one worksheet while its backend, worker and database are killed, again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import nbformat
import pytest

from sagews.client.site import SiteClient
from sagews.messages.commands import Save
from tests.acceptance.editor import TOKEN, Editor, same
from tests.acceptance.program import IMPATIENT, WITHOUT_SAGE, SiteProgram
from tests.postgresql import Cluster, find_programs, new_cluster
from tests.waiting import eventually

EDITS = int(os.environ.get("CHAOS_EDITS", "200"))
KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
SEED = os.environ.get("CHAOS_SEED", "")
PATH = "chaos.ipynb"


DOWN_EDITS = 10
"""For so many edits the database is away."""


class Victims:
    """The parts of a site that may be killed."""

    def __init__(self, program: SiteProgram, cluster: Cluster | None, chance: random.Random) -> None:
        self._program = program
        self._cluster = cluster
        self._chance = chance
        self._killed: dict[str, int] = {}
        self._down = 0

    async def kill_one(self) -> None:
        """The worker is always among them."""
        self.start_database()
        kinds = ["worker", "backend", *(["postgresql"] if self._cluster else [])]
        kind = self._chance.choice(kinds) if self._killed else "worker"
        print(kind)
        if kind == "postgresql" and self._cluster:
            await asyncio.to_thread(self._cluster.stop, signal.SIGKILL)
            self._down = DOWN_EDITS
            return
        await self._program.until_again(kind, self._killed.get(kind, 0))
        self._killed[kind] = self._program.kill(kind)
        if self._chance.random() < 0.7:
            await self._program.until_again(kind, self._killed[kind])

    def edited(self) -> None:
        """There was one more edit."""
        if self._down == 1:
            self.start_database()
        self._down -= 1 if self._down else 0

    def start_database(self) -> None:
        """Where it was killed."""
        if self._down and self._cluster:
            self._cluster.start()
        self._down = 0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster | None]:
    """The site's PostgreSQL, if it has one."""
    if request.param == "sqlite":
        yield None
        return
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with new_cluster() as own:
        yield own


@pytest.fixture
def own_site(tmp_path: Path, cluster: Cluster | None) -> Iterator[SiteProgram]:
    """A site that may be killed."""
    url = cluster.create_database().replace("postgresql:", "postgresql+asyncpg:") if cluster else ""
    program = SiteProgram(tmp_path, f'{WITHOUT_SAGE}[database]\nurl = "{url}"\n', start_with=("-c", IMPATIENT))
    try:
        program.start()
        yield program
    finally:
        program.stop()


async def work(victims: Victims, editors: list[Editor], chance: random.Random) -> None:
    """Edits and runs by everyone, and kills between them."""
    edits_between = max(1, EDITS // (KILLS + 1))
    try:
        for number in range(EDITS):
            editor = chance.choice(editors)
            editor.edit()
            victims.edited()
            if chance.random() < 0.3:
                editor.run()
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() * 0.02)  # people do not type all at the same moment
            if number % edits_between == edits_between - 1 and number // edits_between < KILLS:
                await victims.kill_one()
    finally:
        victims.start_database()


async def test_what_is_acknowledged_is_kept_and_no_command_runs_twice(
    own_site: SiteProgram, cluster: Cluster | None
) -> None:
    seed = SEED or str(random.randrange(10**9))
    print(f"CHAOS_SEED={seed} CHAOS_EDITS={EDITS} CHAOS_KILLS={KILLS}")
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(SiteClient(own_site.url, own_site.token)) for _ in range(3)]
        workspace = str((await sites[0].call("POST", "/api/workspaces", {"name": "chaos"}))["id"])
        editors = [Editor(site, workspace, name, chance) for site, name in zip(sites, "abc", strict=True)]
        for editor in editors:
            await editor.start(PATH)
        await work(Victims(own_site, cluster, chance), editors, chance)
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
