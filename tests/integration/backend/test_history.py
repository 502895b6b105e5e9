"""The history of a workspace over HTTP, with a real worker."""

from __future__ import annotations

import secrets
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sagews.client.site import SiteClient
from sagews.client.site_history import SiteHistory
from sagews.database.choices import Role
from sagews.messages.commands import RunCells
from sagews.messages.workspace import Update
from tests.integration.backend.running import CONFIGURATION, Program, Site, running_backend, someone_else
from tests.integration.backend.talk import Http, Talk
from tests.integration.backend.test_worksheets import opened, source_of, written
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def working_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A backend with a worker, for the tests of this file: to start them takes long."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sagews.toml").write_text(CONFIGURATION)
    program = Program("sagews.worker", folder)
    try:
        await program.start((folder / "data" / "run" / "worker.0" / "status.json").exists)
        async with running_backend(folder) as site:
            await eventually(lambda: site.backend.workers.workers[0].connected)
            yield site
    finally:
        await program.kill(signal.SIGTERM)


@pytest_asyncio.fixture(loop_scope="module")
async def workspace(working_site: Site) -> str:
    """A new workspace."""
    return await working_site.workspace(secrets.token_hex(4))


@pytest_asyncio.fixture(loop_scope="module")
async def talk(working_site: Site, workspace: str) -> Talk:
    """A client that is attached to it."""
    talk = await working_site.talk()
    await talk.attach(workspace)
    return talk


async def put(site: Site, workspace: str, path: str, data: bytes) -> None:
    """Upload a file."""
    assert (await site.http("PUT", f"/api/workspaces/{workspace}/files/{path}", body=data)).code == 204


async def test_list_look_compare_name_and_go_back(working_site: Site, workspace: str) -> None:
    async with SiteClient(working_site.address, working_site.token) as client:
        history = SiteHistory(client, workspace)
        assert await history.versions() == []
        await put(working_site, workspace, "a.txt", b"one\ntwo\n")
        [first] = await history.versions()
        account = await working_site.backend.identity.solo_account()
        assert (first.message, first.account, first.name) == ("Add a.txt", account.id, "")
        assert await history.versions() == [first], "looking makes no version"
        await (await working_site.talk()).attach(workspace)
        talk = working_site.talks[-1]
        await talk.evaluate(
            workspace,
            "import os; os.mkdir('b'); open('b/c.txt', 'w').write('new'); open('a.txt', 'w').write('one\\n2\\n')",
        )
        [second, _] = await history.versions()
        assert await history.changes(second.id) == {"a.txt": "changed", "b/c.txt": "added"}
        assert await history.changes(first.id) == {"a.txt": "added"}
        assert await history.changes(first.id, second.id) == {"a.txt": "changed", "b/c.txt": "deleted"}
        assert await history.files(second.id) == ["a.txt", "b/c.txt"]
        assert await history.read(first.id, "a.txt") == b"one\ntwo\n"
        compared = await history.compare(second.id, "a.txt")
        assert [(line["change"], line["text"]) for line in compared["lines"]] == [
            ("same", "one"),
            ("deleted", "two"),
            ("added", "2"),
        ]
        assert (await history.compare(second.id, "b/c.txt"))["change"] == "added"
        assert [one.id for one in await history.versions(path="b")] == [second.id]
        await history.name(first.id, "The good one")
        assert (await history.versions())[1].name == "The good one"
        await history.name(first.id, "")
        assert (await history.versions())[1].name == ""
        third = await history.go_back(first.id)
        assert [one.id for one in await history.versions()] == [third, second.id, first.id]
        files = await working_site.http.json("GET", f"/api/workspaces/{workspace}/files")
        assert [entry["path"] for entry in files["entries"]] == ["a.txt"]
        assert await history.go_back(first.id) == ""


async def test_going_back_takes_open_worksheets_with_it(working_site: Site, workspace: str, talk: Talk) -> None:
    document, copy = await opened(talk, workspace)
    await talk.answer(await talk.command(Update(document, written(copy, "print(1)")), workspace))
    await talk.obeyed(RunCells(document, all=True), workspace)
    await talk.hear("run_ended")
    http, top = working_site.http, f"/api/workspaces/{workspace}/history"
    first = (await http.json("GET", top))["versions"][0]["id"]
    await talk.answer(await talk.command(Update(document, written(copy, "\nprint(2)")), workspace))
    gone, _ = await opened(talk, workspace, "b.ipynb")
    second = (await http.json("GET", top))["versions"][0]
    compared = await http.json("GET", f"{top}/{second['id']}/comparison/a.ipynb?since={first}")
    [cell] = compared["cells"]
    assert (compared["kind"], cell["change"], cell["outputs_changed"]) == ("worksheet", "changed", False)
    assert [line["text"] for line in cell["lines"] if line["change"] == "added"] == ["print(2)"]
    mark = len(talk.heard)
    made = (await http.json("POST", f"{top}/{first}/restore", {}))["version"]
    assert made
    update: Any = await talk.hear("document_update", after=mark, where=lambda frame: frame.content.document == document)  # type: ignore[attr-defined]
    copy.apply_update(update.content.update)
    shown: Any = await talk.hear("document_opened", after=mark)
    assert [output["text"] for record in shown.content.cells for output in record.outputs] == ["1\n"]
    moved: Any = await talk.hear("document_moved", after=mark)
    assert (moved.content.document, moved.content.path) == (gone, "")
    again = await (await working_site.talk()).attach(workspace)
    assert source_of(again, document) == "print(1)"


async def test_a_reader_looks_and_a_stranger_does_not(working_site: Site, workspace: str) -> None:
    await put(working_site, workspace, "a", b"1")
    top = f"/api/workspaces/{workspace}/history"
    version = (await working_site.http.json("GET", top))["versions"][0]["id"]
    reader = Http(
        working_site.address, {"Authorization": f"Bearer {await someone_else(working_site, workspace, Role.READER)}"}
    )
    assert len((await reader.json("GET", top))["versions"]) == 1
    assert (await reader("GET", f"{top}/{version}/files/a")).body == b"1"
    assert (await reader("GET", f"/api/workspaces/{workspace}/bundle")).code == 200
    assert (await reader.error("PATCH", f"{top}/{version}", {"name": "x"}))[1] == "not_allowed"
    assert (await reader.error("POST", f"{top}/{version}/restore", {}))[1] == "not_allowed"


async def test_who_has_no_role_hears_nothing(working_site: Site, workspace: str) -> None:
    stranger = Http(
        working_site.address, {"Authorization": f"Bearer {await someone_else(working_site, workspace, None)}"}
    )
    for path in ("history", f"history/{'0' * 40}/files", f"history/{'0' * 40}/changes", "bundle"):
        assert (await stranger.error("GET", f"/api/workspaces/{workspace}/{path}")) == (404, "not_found")


@pytest.mark.parametrize("version", ["HEAD", "--all", "0" * 40, "main~1"])
async def test_what_is_no_version_is_not_found(working_site: Site, workspace: str, version: str) -> None:
    await put(working_site, workspace, "a", b"1")
    top = f"/api/workspaces/{workspace}/history/{version}"
    for path in ("/files", "/files/a", "/changes", "/comparison/a"):
        assert (await working_site.http.error("GET", top + path)) == (404, "not_found")
    assert (await working_site.http.error("POST", f"{top}/restore", {})) == (404, "not_found")
    assert (await working_site.http.error("PATCH", top, {"name": "x"})) == (404, "not_found")


async def test_git_clone_takes_all_versions(working_site: Site, workspace: str, tmp_path: Path) -> None:
    assert (await working_site.http.error("GET", f"/api/workspaces/{workspace}/bundle")) == (404, "not_found")
    await put(working_site, workspace, "d/%F0%9F%8C%B7", b"1")
    name = (await working_site.http.json("GET", f"/api/workspaces/{workspace}"))["name"]
    bundle = await working_site.http("GET", f"/api/workspaces/{workspace}/bundle")
    assert bundle.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}.bundle"
    (tmp_path / "w.bundle").write_bytes(bundle.body)
    command = ["git", "clone", "--quiet", "--branch", "main", str(tmp_path / "w.bundle"), str(tmp_path / "clone")]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "clone" / "d" / "🌷").read_bytes() == b"1"


async def test_what_is_not_kept_is_told_in_the_page(working_site: Site, workspace: str, talk: Talk) -> None:
    await talk.evaluate(workspace, "import os; os.mkfifo('pipe'); open('kept', 'w').close()")
    notice: Any = await talk.hear("notice")
    assert "“pipe” is no file" in notice.content.text

    async def kept() -> bool:
        return len(await working_site.backend.store.bundles.chain(workspace)) == 1

    await eventually(kept)
