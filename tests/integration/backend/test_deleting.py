"""What is deleted is gone: from the database, from the disks of workers, from what is published. A real worker."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from sagews.backend import background
from sagews.backend.housekeeping import keep_house
from sagews.database import tables
from sagews.database.choices import TokenKind
from sagews.database.engine import create_engine
from sagews.database.publications import Content, PublishedPage
from sagews.messages.workspace import CloseWorkspace, Update
from tests.integration.backend.running import Program, Site, running_backend
from tests.integration.backend.talk import Http
from tests.integration.backend.test_worksheets import opened, source_of, written
from tests.waiting import eventually

PASSWORD = "noether-1882"
MARK = "mark-of-emmy"
STAYS = {("gone_workspaces", "id"), ("activity", "workspace")}
"""That somebody did something in a workspace is remembered, not who (decision 0025)."""


@pytest.fixture
def folder(folder: Path) -> Path:
    """The site's folder: folders of closed workspaces go almost at once, deleted workspaces quite at once."""
    file = folder / "sagews.toml"
    text = file.read_text().replace("checkpoint_seconds = 0.5", "checkpoint_seconds = 0.5\nkeep_closed_days = 1e-6")
    file.write_text(text.replace("[backend]", "[backend]\nkeep_deleted_days = 0"))
    return folder


async def close(site: Site, workspace: str) -> None:
    """Close a workspace as its worker does when nobody uses it."""
    epoch = (await site.backend.store.workspaces.get(workspace)).epoch
    link = site.backend.workers.workers[0].link
    assert link is not None
    await link.request(CloseWorkspace(), workspace=workspace, epoch=epoch)


def folder_of(folder: Path, workspace: str) -> Path:
    return folder / "data" / "worker.0" / "workspaces" / workspace


async def tidied(site: Site, top: Path) -> bool:
    await site.backend.folders.tidy()
    return not top.exists()


async def everything(site: Site) -> dict[tuple[str, str], list[Any]]:
    """All that the database has, by table and column."""
    engine = create_engine(site.configuration.database_url)
    found: dict[tuple[str, str], list[Any]] = {}
    async with engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            for row in (await connection.execute(select(table))).mappings():
                for name, value in row.items():
                    found.setdefault((table.name, str(name)), []).append(value)
    await engine.dispose()
    return found


def places_of(found: dict[tuple[str, str], list[Any]], *words: str) -> set[tuple[str, str]]:
    """Where one of the words is."""
    as_text = {place: " ".join(map(repr, values)) for place, values in found.items()}
    return {place for place, text in as_text.items() if any(word in text for word in words)}


async def test_of_an_account_that_is_deleted_nothing_is_left(folder: Path, working_site: Site) -> None:
    site, store = working_site, working_site.backend.store
    await store.account_types.ensure("standard")
    emmy = await store.identities.create_account(f"{MARK}@example.org", PASSWORD, name=MARK, account_type="standard")
    token = await store.tokens.create(emmy.id, TokenKind.API, name=MARK)
    http = Http(site.address, {"Authorization": f"Bearer {token.secret}"})
    await store.preferences.write(emmy.id, "theme", MARK)
    workspace, deleted = [
        str((await http.json("POST", "/api/workspaces", {"name": f"{MARK} {number}"}))["id"]) for number in range(2)
    ]
    await http.json("POST", f"/api/workspaces/{workspace}/invitations", {"role": "reader"})
    await store.workspaces.delete(deleted)
    talk = await site.talk(token=token.secret)
    await talk.attach(workspace)
    document, copy = await opened(talk, workspace)
    await talk.answer(await talk.command(Update(document, written(copy, MARK)), workspace))
    await talk.evaluate(workspace, f"open('{MARK}', 'w').write('1')")

    async def is_stored() -> bool:
        return bool(await store.bundles.chain(workspace) and await store.documents.read(workspace))

    await eventually(is_stored, within_seconds=20)
    await talk.answer(await talk.command(Update(document, written(copy, f"{MARK} again")), workspace))
    publication, page = store.publications.new_id(), PublishedPage("index.html", "", MARK.encode())
    await store.publications.publish(publication, emmy.id, workspace, "", Content(MARK, MARK, (page,)), listed=True)
    assert MARK in (await Http(site.address)("GET", "/published/")).body.decode()
    there = {table for table, _ in places_of(await everything(site), MARK, emmy.id, workspace, publication)}
    assert there >= {"accounts", "identities", "tokens", "preferences", "workspaces", "permissions", "invitations",
                      "bundles", "documents", "publications", "publication_versions", "publication_pages"}  # fmt: skip
    top = folder_of(folder, workspace)
    assert (top / "files" / MARK).exists()

    assert (await http("POST", "/api/me/delete", {"password": PASSWORD})).code == 204

    left = places_of(await everything(site), MARK, emmy.id, workspace, deleted, publication)
    assert left <= STAYS, left
    assert (await Http(site.address)("GET", f"/published/{publication}/")).code == 404
    assert MARK not in (await Http(site.address)("GET", "/published/")).body.decode()
    await eventually(lambda: not top.exists(), within_seconds=30)
    await eventually(lambda: not list((folder / "data" / "worker.0" / "rubbish").iterdir()))


async def test_a_workspace_that_is_deleted_is_gone_from_its_worker_too(folder: Path, working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "open('a', 'w').write('1')")
    await working_site.http.json("DELETE", f"/api/workspaces/{workspace}")
    assert places_of(await everything(working_site), workspace) <= STAYS
    await eventually(lambda: not folder_of(folder, workspace).exists(), within_seconds=30)


async def test_a_worker_that_was_away_hears_of_it_when_it_is_back(
    folder: Path, worker: Program, working_site: Site
) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "open('a', 'w').write('1')")
    await worker.kill()
    status = folder / "data" / "run" / "worker.0" / "status.json"
    status.unlink()
    await working_site.http.json("DELETE", f"/api/workspaces/{workspace}")
    assert (folder_of(folder, workspace) / "files" / "a").exists()
    await worker.start(status.exists)
    await eventually(lambda: not folder_of(folder, workspace).exists(), within_seconds=30)


async def test_a_closed_workspace_leaves_the_disk_and_comes_back_whole(folder: Path, working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "import os; os.makedirs('d'); open('d/a', 'w').write('kept')")
    mark = len(talk.heard)
    await close(working_site, workspace)
    await talk.hear("workspace_closed", after=mark)
    top = folder_of(folder, workspace)
    await eventually(lambda: tidied(working_site, top), within_seconds=30)
    await eventually(lambda: talk.attached(workspace), within_seconds=20)
    assert await talk.evaluate(workspace, "print(open('d/a').read())", "again") == "kept\n"


async def test_what_the_database_has_not_stays_on_the_disk(folder: Path, working_site: Site) -> None:
    unstored, unknown = await working_site.workspace("A"), folder_of(folder, "unknown")
    (unknown / "files").mkdir(parents=True)
    (unknown / "files" / "a").write_text("1")
    os.utime(unknown, (1, 1))
    talk = await working_site.talk()
    await talk.attach(unstored)
    await talk.evaluate(unstored, "open('a', 'w').write('1')")
    await close(working_site, unstored)
    # As in a database that was restored from a backup.
    engine = create_engine(working_site.configuration.database_url)
    async with engine.begin() as connection:
        assert (await connection.execute(delete(tables.bundles))).rowcount == 1
    await engine.dispose()
    stored_too = await working_site.workspace("B")
    await talk.attach(stored_too)
    await talk.evaluate(stored_too, "open('a', 'w').write('1')")
    await close(working_site, stored_too)
    await eventually(lambda: tidied(working_site, folder_of(folder, stored_too)), within_seconds=30)
    assert (folder_of(folder, unstored) / "files" / "a").exists()
    assert (unknown / "files" / "a").exists()


async def test_housekeeping_purges_what_was_deleted_long_ago(site: Site) -> None:
    store, workspace = site.backend.store, await site.workspace()
    await store.workspaces.delete(workspace)
    keeping = background.start(keep_house(store, site.backend.folders, timedelta()), "housekeeping")

    async def gone() -> bool:
        return await store.gone_workspaces.of([workspace]) == {workspace}

    await eventually(gone)
    await background.stop(keeping)
    assert places_of(await everything(site), workspace) <= STAYS


async def test_until_then_the_operator_brings_it_back_with_all_that_was_saved(folder: Path, worker: Program) -> None:
    file = folder / "sagews.toml"
    file.write_text(file.read_text().replace("keep_deleted_days = 0", "keep_deleted_days = 7"))
    async with running_backend(folder) as site:
        await eventually(lambda: site.backend.workers.workers[0].connected)
        workspace = await site.workspace("Rings")
        talk = await site.talk()
        await talk.attach(workspace)
        document, copy = await opened(talk, workspace)
        await talk.answer(await talk.command(Update(document, written(copy, "print(1)")), workspace))
        mark = len(talk.heard)
        await site.http.json("DELETE", f"/api/workspaces/{workspace}")
        await talk.hear("workspace_closed", "refused", after=mark)
        (listed,) = (await site.http.json("GET", "/api/admin/deleted-workspaces"))["workspaces"]
        assert (listed["id"], listed["name"], listed["owner"]) == (workspace, "Rings", "solo")
        for _ in range(2):
            await site.http.json("POST", f"/api/admin/deleted-workspaces/{workspace}/restore")
        assert (await site.http.json("GET", "/api/admin/deleted-workspaces"))["workspaces"] == []
        attached: Any = await eventually(lambda: talk.attached(workspace), within_seconds=20)
        assert source_of(attached, document) == "print(1)"
        assert await site.http.error("POST", "/api/admin/deleted-workspaces/w/restore") == (404, "not_found")
