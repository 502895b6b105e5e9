"""Publishing: from a worksheet's file on a worker to pages that anybody reads, and back into a workspace."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import pytest_asyncio

from sagews.backend.published_files import PublishedFiles
from sagews.backend.published_layout import PublishedLayout, published_folder
from sagews.client.site import SiteClient
from sagews.client.site_sharing import SiteAccount, SitePublications, SiteSharing
from sagews.component.headers import PUBLISHED_POLICY
from sagews.configuration import load
from sagews.database.choices import Role, TokenKind
from tests.integration.backend.running import CONFIGURATION, Program, Site, running_backend
from tests.integration.backend.talk import Http
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
V4 = nbformat.v4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A backend and a worker, for all tests of this module."""
    folder = tmp_path_factory.mktemp("publishing")
    (folder / "sagews.toml").write_text(CONFIGURATION)
    assets = folder / "client" / "published"
    assets.mkdir(parents=True)
    (folder / "client" / "index.html").write_text("<!doctype html>")
    (assets / "published.js").write_text("1;")
    program = Program("sagews.worker", folder)
    await program.start((folder / "data" / "run" / "worker.0" / "status.json").exists)
    try:
        async with running_backend(folder) as running:
            await eventually(lambda: running.backend.workers.workers[0].connected)
            yield running
    finally:
        await program.kill(15)


def notebook(*texts: str) -> str:
    return str(nbformat.writes(V4.new_notebook(cells=[V4.new_markdown_cell(text) for text in texts])))


async def write(site: Site, workspace: str, path: str, content: str) -> None:
    answer = await site.http("PUT", f"/api/workspaces/{workspace}/files/{path}", body=content)
    assert answer.code == 204, answer.body


async def published(site: Site, name: str, *texts: str, listed: bool = True) -> dict[str, Any]:
    """A publication of a worksheet with these texts, in a workspace of this name."""
    workspace = await site.workspace(name)
    await write(site, workspace, "Rings.ipynb", notebook(*texts))
    body = {"path": "Rings.ipynb", "listed": listed}
    made: dict[str, Any] = await site.http.json("POST", f"/api/workspaces/{workspace}/publications", body)
    return made


async def text(site: Site, address: str) -> str:
    answer = await Http(site.address)("GET", address)
    assert answer.code == 200, (address, answer.code)
    return answer.body.decode()


async def person(site: Site, account_type: str, name: str) -> Http:
    account = await site.backend.store.accounts.create(name, account_type)
    token = await site.backend.store.tokens.create(account.id, TokenKind.API)
    return Http(site.address, {"Authorization": f"Bearer {token.secret}"})


async def test_a_worksheet_is_published_and_read_by_nobody_in_particular(site: Site) -> None:
    made = await published(site, "One", "# Rings of integers", "with $x^2$")
    answer = await Http(site.address)("GET", made["address"])
    assert answer.headers["Content-Security-Policy"] == PUBLISHED_POLICY
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Set-Cookie" not in answer.headers
    assert "Rings of integers" in answer.body.decode()
    assert made["title"] == "Rings of integers"
    assert json.loads(await text(site, f"{made['address']}rings.ipynb"))["nbformat"] == 4
    unchanged = await Http(site.address, {"If-None-Match": answer.headers["ETag"]})("GET", made["address"])
    assert unchanged.code == 304
    for address in (made["address"].rstrip("/"), "/published"):
        assert (await Http(site.address)("GET", address)).code == 301
    assert (await Http(site.address)("GET", "/published/assets/published.js")).headers[
        "Access-Control-Allow-Origin"
    ] == "*"


async def test_versions_are_kept_and_withdrawn_with_it(site: Site) -> None:
    made = await published(site, "Two", "first text")
    await write(site, made["workspace"], "Rings.ipynb", notebook("second text"))
    assert "first text" in await text(site, made["address"])
    place = f"/api/publications/{made['id']}"
    again = await site.http.json("POST", f"{place}/versions")
    assert (again["version"], again["address"]) == (2, made["address"])
    assert "second text" in await text(site, made["address"])
    assert "first text" in await text(site, f"{made['address']}versions/1/")
    assert "Version 2" in await text(site, f"{made['address']}versions.html")
    assert [one["version"] for one in (await site.http.json("GET", f"{place}/versions"))["versions"]] == [2, 1]
    await site.http.json("PATCH", place, {"withdrawn": True})
    for address in ("", "index.html", "versions/1/", "versions.html"):
        assert (await Http(site.address)("GET", made["address"] + address)).code == 404
    assert (await Http(site.address)("GET", place)).code == 404
    await site.http.json("PATCH", place, {"withdrawn": False})
    assert "second text" in await text(site, made["address"])
    await site.http.json("DELETE", place)
    assert (await Http(site.address)("GET", made["address"])).code == 404


async def test_the_versions_of_a_publication_have_a_bound_together(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await published(site, "Two B", "text")
    monkeypatch.setattr("sagews.database.publications.MOST_BYTES", 1000)
    assert await site.http.error("POST", f"/api/publications/{made['id']}/versions") == (429, "over_limit")
    assert (await site.http.json("GET", f"/api/publications/{made['id']}"))["version"] == 1


async def test_what_an_account_publishes_is_limited_and_told(site: Site) -> None:
    made = await published(site, "Two C", "text")
    used = (await site.http.json("GET", "/api/me/account"))["published_bytes"]
    assert used > 0
    types = site.backend.store.account_types
    known = await types.get("solo")
    await types.save(dataclasses.replace(known, published_bytes=used))
    try:
        assert await site.http.error("POST", f"/api/publications/{made['id']}/versions") == (429, "over_limit")
    finally:
        await types.save(known)
    assert (await site.http.json("GET", f"/api/publications/{made['id']}"))["version"] == 1


async def test_only_what_is_listed_is_found(site: Site) -> None:
    listed = await published(site, "Three", "# Unusual elliptic things")
    secret = await published(site, "Four", "# Unusual secret things", listed=False)
    found = await Http(site.address).json("GET", "/api/publications?text=unusual%20THINGS")
    assert [one["id"] for one in found["publications"]] == [listed["id"]]
    page = await text(site, "/published/")
    assert listed["id"] in page
    assert secret["id"] not in page
    assert "noindex" in await text(site, secret["address"])
    await site.http.json("PATCH", f"/api/publications/{secret['id']}", {"listed": True})
    assert secret["id"] in await text(site, "/published/")


async def test_all_worksheets_of_a_workspace_are_published_together_and_copied(site: Site) -> None:
    workspace = await site.workspace("Five")
    await write(site, workspace, "Rings.ipynb", notebook("# Rings"))
    await write(site, workspace, "deep/Fields.ipynb", notebook("# Fields"))
    await write(site, workspace, "data.csv", "1,2")
    body = {"path": "", "listed": False}
    made = await site.http.json("POST", f"/api/workspaces/{workspace}/publications", body)
    assert made["title"] == "Five"
    page = await text(site, made["address"])
    assert "rings.html" in page
    assert "deep-fields.html" in page
    assert "Fields" in await text(site, f"{made['address']}deep-fields.html")
    emmy = await person(site, "solo", "Emmy")
    copy = await emmy.json("POST", f"/api/publications/{made['id']}/copy", {})
    assert (copy["name"], copy["role"]) == ("Five", "owner")
    there = await emmy("GET", f"/api/workspaces/{copy['id']}/files/deep/Fields.ipynb")
    assert "# Fields" in there.body.decode()
    assert (await emmy.json("POST", f"/api/publications/{made['id']}/copy", {}))["name"] == "Five 2"


async def test_who_may_publish_is_said_by_the_account_type(site: Site) -> None:
    types = site.backend.store.account_types
    await types.save(dataclasses.replace(await types.get("solo"), id="silent", may_publish=False))
    kurt = await person(site, "silent", "Kurt")
    workspace = (await kurt.json("POST", "/api/workspaces", {"name": "Mine"}))["id"]
    body = {"path": "", "listed": True}
    assert await kurt.error("POST", f"/api/workspaces/{workspace}/publications", body) == (403, "not_allowed")


async def test_others_publications_are_left_alone(site: Site) -> None:
    made = await published(site, "Six", "text")
    await site.backend.store.account_types.ensure("standard")
    emmy = await person(site, "standard", "Emmy")
    place = f"/api/publications/{made['id']}"
    assert await emmy.error("PATCH", place, {"withdrawn": True}) == (403, "not_allowed")
    assert await emmy.error("DELETE", place) == (403, "not_allowed")
    assert await emmy.error("POST", f"{place}/versions") == (403, "not_allowed")
    assert (await emmy.error("GET", f"/api/workspaces/{made['workspace']}/publications"))[0] == 404
    body = {"path": "Rings.ipynb", "listed": True}
    await site.backend.store.permissions.grant(made["workspace"], await id_of(emmy), Role.COLLABORATOR)
    assert await emmy.error("POST", f"/api/workspaces/{made['workspace']}/publications", body) == (403, "not_allowed")


async def test_who_was_removed_shows_nothing_of_the_workspace_again(site: Site) -> None:
    types = site.backend.store.account_types
    await types.save(dataclasses.replace(await types.get("solo"), id="publisher"))
    emmy = await person(site, "publisher", "Emmy of Six B")
    workspace = await site.workspace("Six B")
    await write(site, workspace, "Rings.ipynb", notebook("text"))
    permissions, who = site.backend.store.permissions, await id_of(emmy)
    await permissions.grant(workspace, who, Role.OWNER)
    body = {"path": "Rings.ipynb", "listed": False}
    made = await emmy.json("POST", f"/api/workspaces/{workspace}/publications", body)
    place = f"/api/publications/{made['id']}"
    await permissions.revoke(workspace, who)
    assert (await site.http.json("PATCH", place, {"withdrawn": True}))["withdrawn"]
    assert await emmy.error("PATCH", place, {"withdrawn": False}) == (403, "not_allowed")
    assert await emmy.error("PATCH", place, {"listed": True}) == (403, "not_allowed")
    assert not (await emmy.json("PATCH", place, {"listed": False}))["listed"]
    assert not (await site.http.json("PATCH", place, {"withdrawn": False}))["withdrawn"]


async def id_of(http: Http) -> str:
    return str((await http.json("GET", "/api/me"))["id"])


@pytest.mark.parametrize(
    ("path", "status"), [("Missing.ipynb", 404), ("data.csv", 400), ("../x.ipynb", 404), ("Broken.ipynb", 400)]
)
async def test_what_cannot_be_published_is_refused(site: Site, path: str, status: int) -> None:
    workspace = await site.workspace(f"Refused {path}")
    if path == "Broken.ipynb":
        await write(site, workspace, path, "{}")
    body = {"path": path, "listed": True}
    assert (await site.http.error("POST", f"/api/workspaces/{workspace}/publications", body))[0] == status


async def test_what_was_published_outlives_its_workspace(site: Site) -> None:
    made = await published(site, "Seven", "kept text")
    await site.backend.store.workspaces.purge(made["workspace"])
    assert "kept text" in await text(site, made["address"])
    assert await site.http.error("POST", f"/api/publications/{made['id']}/versions") == (409, "conflict")


async def test_files_for_nginx_are_what_is_shown(site: Site, tmp_path: Path) -> None:
    made = await published(site, "Eight", "# Laid out")
    store, folder = site.backend.store, tmp_path / "published"
    folder.mkdir()
    layouts = [PublishedLayout(store, PublishedFiles(store, "S"), folder) for _ in range(2)]
    for one in layouts:
        await one.lay_out()
    index = folder / made["id"] / "index.html"
    assert index.read_text() == await text(site, made["address"])
    assert (folder / made["id"] / "versions" / "1" / "rings.ipynb").is_file()
    assert made["id"] in (folder / "index.html").read_text()
    before = index.stat().st_ino
    await layouts[0].lay_out()
    assert index.stat().st_ino == before
    await site.http.json("PATCH", f"/api/publications/{made['id']}", {"withdrawn": True})
    await layouts[1].lay_out()
    assert not index.parent.exists()
    assert made["id"] not in (folder / "index.html").read_text()
    assert [path.name for path in folder.glob(".new*")] + [path.name for path in folder.glob(".old*")] == []


async def test_a_backend_follows_what_others_publish(site: Site, tmp_path: Path) -> None:
    store = site.backend.store
    layout = PublishedLayout(store, PublishedFiles(store, "S"), tmp_path)
    layout.start()
    try:
        await eventually((tmp_path / "index.html").is_file)
        made = await published(site, "Nine", "# Followed")
        layout.look()
        await eventually((tmp_path / made["id"] / "index.html").is_file)
    finally:
        await layout.stop()


async def test_a_solo_site_lays_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "sagews.toml").write_text(CONFIGURATION)
    assert published_folder(load(tmp_path / "sagews.toml", {})) is None


async def test_a_program_shares_publishes_and_copies(site: Site) -> None:
    workspace = await site.workspace("Ten")
    await write(site, workspace, "Rings.ipynb", notebook("# By a program"))
    account = await site.backend.store.accounts.create("Program", "solo")
    secret = (await site.backend.store.tokens.create(account.id, TokenKind.API)).secret
    async with SiteClient(site.address, site.token) as mine, SiteClient(site.address, secret) as theirs:
        sharing = SiteSharing(mine, workspace)
        link = (await sharing.invite("reader"))["link"]
        assert len(await sharing.invitations()) == 1
        joined = await SiteAccount(theirs).accept(link.partition("#")[2])
        assert joined is not None
        assert joined["id"] == workspace
        await sharing.change(account.id, "collaborator")
        assert {one["name"]: one["role"] for one in await sharing.members()} == {
            "You": "owner",
            "Program": "collaborator",
        }
        await SiteSharing(theirs, workspace).leave()
        publications = SitePublications(mine)
        made = await publications.publish(workspace, "Rings.ipynb", listed=True)
        assert [one["id"] for one in await SitePublications(theirs).find("by a program")] == [made["id"]]
        assert (await SitePublications(theirs).copy(made["id"], "Mine"))["owner"] == account.id
        assert (await SiteAccount(theirs).show())["workspaces"] == 1
        assert (await publications.change(made["id"], listed=False))["listed"] is False
        await publications.delete(made["id"])
        assert made["id"] not in [one["id"] for one in await publications.own()]
