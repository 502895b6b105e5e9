"""Files of workspaces survive the loss of the worker's folder, as bundles in the database; and their versions."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from sagews.messages.workspace import Update
from tests.integration.backend.running import Program, Site
from tests.integration.backend.talk import refusal
from tests.integration.backend.test_worksheets import opened, source_of, written
from tests.waiting import eventually


async def restarted_without_its_folder(folder: Path, worker: Program) -> None:
    """The worker is killed, its machine is replaced by another one."""
    await worker.kill()
    shutil.rmtree(folder / "data" / "worker.0")
    (folder / "data" / "run" / "worker.0" / "status.json").unlink()
    await worker.start((folder / "data" / "run" / "worker.0" / "status.json").exists)


async def stored(site: Site, workspace: str, paths: set[str]) -> None:
    """Wait until the database has a version with these files."""
    http = site.http

    async def there() -> bool:
        versions = (await http.json("GET", f"/api/workspaces/{workspace}/history"))["versions"]
        chain = await site.backend.store.bundles.chain(workspace)
        if not versions or not chain or chain[-1].head != versions[0]["id"]:
            return False
        entries = await http.json("GET", f"/api/workspaces/{workspace}/history/{versions[0]['id']}/files")
        return paths <= {entry["path"] for entry in entries["entries"]}

    await eventually(there, within_seconds=20)


async def test_what_code_wrote_and_what_was_typed_survive_the_loss_of_the_workers_folder(
    folder: Path, worker: Program, working_site: Site
) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    document, copy = await opened(talk, workspace)
    await talk.answer(await talk.command(Update(document, written(copy, "print(1)")), workspace))
    await talk.evaluate(workspace, "import os; os.makedirs('d/e'); open('d/e/🌷', 'w').write('kept')")
    await stored(working_site, workspace, {"a.ipynb", "d/e/🌷"})
    mark = len(talk.heard)
    await restarted_without_its_folder(folder, worker)
    await talk.hear("workspace_closed", after=mark)
    attached: Any = await eventually(lambda: talk.attached(workspace), within_seconds=20)
    assert attached.epoch == 2
    assert source_of(attached, document) == "print(1)"
    assert await talk.evaluate(workspace, "print(open('d/e/🌷').read())") == "kept\n"
    notebook = json.loads(await talk.evaluate(workspace, "print(open('a.ipynb').read())"))
    assert notebook["cells"][0]["source"] == ["print(1)"]


async def test_a_workspace_whose_bundle_is_damaged_does_not_open_and_says_so(
    folder: Path, worker: Program, working_site: Site
) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "open('a', 'w').write('1')")
    await stored(working_site, workspace, {"a"})
    with contextlib.closing(sqlite3.connect(folder / "data" / "sagews.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE bundle_pieces SET data = zeroblob(length(data))")
    mark = len(talk.heard)
    await restarted_without_its_folder(folder, worker)
    await talk.hear("workspace_closed", after=mark)

    async def refused() -> bool:
        answer = await talk.attach(workspace)
        return answer.content.type == "refused" and refusal(answer) == "damaged"

    await eventually(refused, within_seconds=20)
    assert not list((folder / "data" / "worker.0" / "arrivals").glob("*/*/*"))
