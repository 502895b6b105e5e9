"""The database does not answer for a while: edits wait unacknowledged, evaluation goes on, later they are."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sagews.client.site import SiteClient
from tests.acceptance.editor import Editor
from tests.acceptance.program import SiteProgram
from tests.waiting import eventually


@pytest.fixture
def program(tmp_path: Path) -> Iterator[SiteProgram]:
    program = SiteProgram(tmp_path)
    program.start()
    try:
        yield program
    finally:
        program.stop()


async def test_edits_wait_and_evaluation_goes_on(program: SiteProgram) -> None:
    async with SiteClient(program.url, program.token) as site, SiteClient(program.url, program.token) as other_site:
        workspace = str((await site.call("POST", "/api/workspaces", {"name": "locked"}))["id"])
        editor = Editor(site, workspace, "a", random.Random(1))
        await editor.start("a.ipynb")
        session = await (await other_site.live()).open_session("python", workspace=workspace)
        editor.edit()
        await editor.all_acknowledged(within_seconds=10)
        with closing(sqlite3.connect(program.data / "sagews.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for _ in range(20):
                editor.edit()
            for number in range(50):
                assert (await session.evaluate(f"{number} + 1")).text == f"{number + 1}"
            # The backend has met the lock, and says so.
            await eventually(lambda: "Journal waits" in program.log("backend"), within_seconds=30)
            assert len(editor.acknowledged) == 1
            assert (await session.evaluate("6 * 7")).text == "42"
            other.execute("ROLLBACK")
        await editor.all_acknowledged(within_seconds=30)
        assert editor.failures == []
        assert Counter(editor.tokens()) == Counter(editor.sent) == Counter(editor.acknowledged)
        await session.close()
        await editor.stop()
    with closing(sqlite3.connect(program.data / "sagews.sqlite")) as database:
        stored = database.execute("SELECT COUNT(*) FROM journal").fetchone()[0]
    assert stored >= 20
