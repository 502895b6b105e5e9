"""Live worksheets through a backend, on a real worker: an acknowledged edit outlives everything."""

from __future__ import annotations

import json

from pycrdt import Array, Doc, Map, Text

from sagews.database.choices import Role
from sagews.messages import Frame
from sagews.messages.commands import OpenDocument, RunCells, Save
from sagews.messages.workspace import Attached, Update
from tests.integration.backend.running import Program, Site, someone_else
from tests.integration.backend.talk import Talk, refusal
from tests.waiting import eventually


async def opened(talk: Talk, workspace: str, path: str = "a.ipynb") -> tuple[str, Doc]:
    """A new worksheet, live; returns its id and our copy of it."""
    answer = await talk.obeyed(OpenDocument(path, create=True, environment="python"), workspace)
    document = answer.content.document  # type: ignore[attr-defined]
    update = await talk.hear("document_update", where=lambda frame: frame.content.document == document)  # type: ignore[attr-defined]
    copy: Doc = Doc()
    copy.apply_update(update.content.update)  # type: ignore[attr-defined]
    return document, copy


def written(copy: Doc, text: str) -> bytes:
    """The update that appends to the first cell's source."""
    order, cells = copy.get("order", type=Array), copy.get("cells", type=Map)
    before = copy.get_state()
    source = cells[order[0]]["source"]
    assert isinstance(source, Text)
    source += text
    return copy.get_update(before)


def source_of(attached: Frame, document: str) -> str:
    """The first cell's source, in a snapshot."""
    assert isinstance(attached.content, Attached)
    assert attached.content.snapshot is not None
    [state] = [one for one in attached.content.snapshot.documents if one.document == document]
    copy: Doc = Doc()
    copy.apply_update(state.state)
    order, cells = copy.get("order", type=Array), copy.get("cells", type=Map)
    return str(cells[order[0]]["source"])


async def test_acknowledged_edits_outlive_their_worker(working_site: Site, worker: Program) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    document, copy = await opened(talk, workspace)
    for number in range(20):
        await talk.answer(await talk.command(Update(document, written(copy, f"x{number}\n")), workspace))
    after = len(talk.heard)
    await worker.kill()
    await talk.hear("workspace_closed", after=after)
    status = worker.folder / "data" / "run" / "worker.0" / "status.json"
    status.unlink(missing_ok=True)
    await worker.start(status.exists)
    attached = await eventually(lambda: talk.attached(workspace), within_seconds=20)
    assert isinstance(attached, Frame)
    assert source_of(attached, document) == "".join(f"x{number}\n" for number in range(20))


async def test_a_worksheet_is_run_saved_and_read(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    document, copy = await opened(talk, workspace)
    await talk.answer(await talk.command(Update(document, written(copy, "print(6 * 7)")), workspace))
    await talk.obeyed(RunCells(document, all=True), workspace)
    assert (await talk.hear("stream")).content.text == "42\n"  # type: ignore[attr-defined]
    await talk.hear("run_ended")
    await talk.obeyed(Save(document), workspace)
    await talk.hear("saved")
    notebook = await working_site.http("GET", f"/api/workspaces/{workspace}/files/a.ipynb")
    [cell] = json.loads(notebook.body)["cells"]
    assert cell["outputs"][0]["text"] in ("42\n", ["42\n"])
    stored = await eventually(lambda: working_site.backend.store.documents.read(workspace))
    assert [one.path for one in stored] == ["a.ipynb"]
    await working_site.http("PATCH", f"/api/workspaces/{workspace}/files/a.ipynb", {"path": "b.ipynb"})
    await talk.hear("document_moved")


async def test_files_pass_through_a_real_worker(working_site: Site) -> None:
    workspace = await working_site.workspace()
    path, data = f"/api/workspaces/{workspace}/files/folder/f.bin", bytes(range(256)) * 5000
    assert (await working_site.http("POST", f"/api/workspaces/{workspace}/files", {"path": "folder"})).code == 204
    assert (await working_site.http("PUT", path, body=data)).code == 204
    assert (await working_site.http("GET", path)).body == data
    [entry] = (await working_site.http.json("GET", f"/api/workspaces/{workspace}/files?path=folder"))["entries"]
    assert (entry["path"], entry["size"]) == ("folder/f.bin", len(data))
    await working_site.http.json("DELETE", path)
    assert await working_site.http.error("GET", path) == (404, "not_found")


async def test_the_whole_output_of_a_run_is_kept(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "for i in range(200_000): print(i)")
    run = (await talk.hear("run_ended")).run
    output = await working_site.http("GET", f"/api/workspaces/{workspace}/runs/{run}/output")
    assert output.body == b"".join(b"%d\n" % i for i in range(200_000))
    assert await working_site.http.error("GET", f"/api/workspaces/{workspace}/runs/nothing/output") == (
        404,
        "not_found",
    )


async def test_a_reader_opens_what_is_there_and_makes_nothing(working_site: Site) -> None:
    workspace = await working_site.workspace()
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = f"/api/workspaces/{workspace}/files/there.ipynb"
    assert (await working_site.http("PUT", path, body=json.dumps(notebook).encode())).code == 204
    reader = await working_site.talk(token=await someone_else(working_site, workspace, Role.READER))
    await reader.attach(workspace)
    opened = await reader.obeyed(OpenDocument("there.ipynb"), workspace)
    assert opened.content.type == "acknowledged"
    await reader.hear("document_update")
    assert refusal(await reader.obeyed(OpenDocument("new.ipynb"), workspace)) == "not_found"
    assert refusal(await reader.obeyed(OpenDocument("new.ipynb", create=True), workspace)) == "not_allowed"
