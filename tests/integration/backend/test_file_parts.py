"""Files of a workspace over HTTP with a real worker: uploads in parts, zip files, imports, exports, who may do what."""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import pytest_asyncio

from sagews.client.site import SiteClient
from sagews.client.site_files import SiteFiles
from sagews.database.choices import Role
from sagews.errors import Conflict, NotAllowed, NotFound, SagewsError, TooLarge, UsageError
from sagews.messages.commands import OpenDocument, RunCells, Save
from sagews.messages.files import FileImported
from tests.integration.backend.running import Program, Site, running_backend, someone_else
from tests.integration.backend.talk import Talk
from tests.waiting import eventually

NOTEBOOKS = Path(__file__).parent / "notebooks"
LIMIT = 400_000

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A backend with a worker, shared by the tests of this file; files have at most 400,000 bytes."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "client").mkdir()
    (folder / "sagews.toml").write_text(
        f'data_folder = "data"\n[backend]\nport = 0\nmaximum_upload_bytes = {LIMIT}\n'
        "[worker]\ncheckpoint_seconds = 30\n[worker.environments.sage]\nenabled = false\n"
    )
    program = Program("sagews.worker", folder)
    await program.start((folder / "data" / "run" / "worker.0" / "status.json").exists)
    async with running_backend(folder) as running:
        await eventually(lambda: running.backend.workers.workers[0].connected)
        yield running
    await program.kill(15)


@pytest_asyncio.fixture(loop_scope="module")
async def client(shared_site: Site) -> AsyncIterator[SiteClient]:
    async with SiteClient(shared_site.address, shared_site.token) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def workspace(shared_site: Site) -> str:
    return await shared_site.workspace(secrets.token_hex(8))


@pytest_asyncio.fixture(loop_scope="module")
async def files(client: SiteClient, workspace: str) -> SiteFiles:
    return client.files(workspace)


async def test_a_large_file_arrives_in_parts(files: SiteFiles, tmp_path: Path) -> None:
    source, told = tmp_path / "source", list[tuple[int, int]]()
    source.write_bytes(os.urandom(LIMIT))
    await files.upload(source, "data/a.bin", on_progress=lambda received, size: told.append((received, size)))
    assert told == [(LIMIT, LIMIT)]
    await files.download("data/a.bin", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert [(entry.path, entry.kind) for entry in await files.list()] == [("data", "folder")]


async def test_an_upload_that_broke_off_goes_on_where_it_ended(
    shared_site: Site, files: SiteFiles, workspace: str
) -> None:
    data = os.urandom(LIMIT)
    base = f"/api/workspaces/{workspace}/uploads"
    begun = await shared_site.http.json("POST", base, {"path": "a.bin", "size": LIMIT})
    _, writer = await asyncio.open_connection("127.0.0.1", shared_site.port)
    writer.write(
        f"PUT {base}/{begun['id']}?offset=0 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {shared_site.token}\r\nContent-Length: {LIMIT}\r\n\r\n".encode()
        + data[:200_000]
    )
    await writer.drain()

    async def received() -> int:
        state = await shared_site.http.json("GET", f"{base}/{begun['id']}")
        assert not state["finished"]
        return int(state["received"])

    async with asyncio.timeout(20):
        while await received() < 2 * 65536:
            await asyncio.sleep(0.05)
    writer.close()
    state: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while not state.get("finished"):
            offset = await received()
            response = await shared_site.http("PUT", f"{base}/{begun['id']}?offset={offset}", body=data[offset:])
            assert response.code in (200, 409)  # the other connection may be there still
            state = json.loads(response.body)
    assert await files.read("a.bin") == data
    assert await shared_site.http.error("GET", f"{base}/{begun['id']}") == (404, "not_found")


async def test_a_file_over_the_limit_is_refused_at_once_by_name(
    shared_site: Site, files: SiteFiles, workspace: str
) -> None:
    size = 2**30
    url = f"/api/workspaces/{workspace}/uploads"
    response = await shared_site.http("POST", url, {"path": "large.iso", "size": size})
    assert response.code == 413
    assert json.loads(response.body)["error"]["what"] == "'large.iso' has 1 GiB; a file may have 390.6 KiB."
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_site.port)
    writer.write(
        f"PUT /api/workspaces/{workspace}/files/large.iso HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {shared_site.token}\r\nContent-Length: {size}\r\n\r\n".encode()
    )
    answer = await asyncio.wait_for(reader.readuntil(b"}}"), 10)  # of the body, nothing was sent
    assert b" 413 " in answer
    assert b"'large.iso' has 1 GiB" in answer
    writer.close()
    assert await files.list() == ()


async def test_two_that_upload_the_same_name_do_not_mix(files: SiteFiles, tmp_path: Path) -> None:
    sources = [tmp_path / "1", tmp_path / "2"]
    for source in sources:
        source.write_bytes(source.name.encode() * 300_000)
    await asyncio.gather(*(files.upload(source, "same.bin") for source in sources))
    assert await files.read("same.bin") in [source.read_bytes() for source in sources]
    done = await asyncio.gather(
        *(files.upload(source, "kept.bin", keep=True) for source in sources), return_exceptions=True
    )
    assert [type(one) for one in done if one is not None] == [Conflict]
    with pytest.raises(Conflict):
        await files.write("kept.bin", b"", keep=True)


@pytest.mark.parametrize("name", ["-rf", "🧶.txt", "x" * 255, "CON.txt", "a\\b", "a?b#c%d&e.txt", " ", "<script>"])
async def test_unusual_names_go_all_the_way(files: SiteFiles, name: str) -> None:
    await files.write(f"in/{name}", b"1")
    assert [entry.path for entry in await files.list("in")] == [f"in/{name}"]
    await files.rename(f"in/{name}", f"to/{name}")
    assert await files.read(f"to/{name}") == b"1"
    await files.delete(f"to/{name}")
    assert await files.list("to") == ()


@pytest.mark.parametrize("name", ["../x", "/etc/x", ".git/config", "a\0b", "a\nb", "x" * 256, "a/../b", ""])
async def test_hostile_names_are_refused_everywhere(files: SiteFiles, tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(b"1")
    await files.write("good", b"1")
    for attempt in (
        files.write(name, b"1"),
        files.upload(tmp_path / "f", name),
        files.rename("good", name),
        files.make_folder(name),
    ):
        with pytest.raises(SagewsError) as caught:
            await attempt
        assert isinstance(caught.value, UsageError | NotFound), caught.value
    assert [entry.path for entry in await files.list()] == ["good"]


async def test_the_workspace_as_a_zip_file_and_back(files: SiteFiles) -> None:
    await files.write("a/b.txt", b"text")
    await files.make_folder("empty")
    data = await files.archive()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["a/b.txt", "empty/"]
    await files.write("copy.zip", data)
    assert await files.import_file("copy.zip") == FileImported("copy", 1)
    assert await files.read("copy/a/b.txt") == b"text"
    with pytest.raises(NotFound):
        await files.archive("none")


async def test_a_hostile_zip_file_is_refused_by_its_member(files: SiteFiles) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("../x", b"1")
    await files.write("bad.zip", made.getvalue())
    with pytest.raises(Conflict, match=r"In the zip file: '\.\./x'"):
        await files.import_file("bad.zip")
    assert [entry.path for entry in await files.list()] == ["bad.zip"]


async def test_a_reader_may_look_and_download_and_not_write(
    shared_site: Site, files: SiteFiles, workspace: str, tmp_path: Path
) -> None:
    await files.write("a.py", b"x = 1\n")
    (tmp_path / "f").write_bytes(b"1")
    token = await someone_else(shared_site, workspace, Role.READER)
    async with SiteClient(shared_site.address, token) as client:
        theirs = client.files(workspace)
        assert len(await theirs.list()) == 1
        assert await theirs.read("a.py") == b"x = 1\n"
        assert await theirs.archive()
        for attempt in (
            theirs.write("b", b""),
            theirs.upload(tmp_path / "f", "b"),
            theirs.delete("a.py"),
            theirs.rename("a.py", "b"),
            theirs.make_folder("b"),
            theirs.import_file("a.py"),
        ):
            with pytest.raises(NotAllowed):
                await attempt
    assert [entry.path for entry in await files.list()] == ["a.py"]


# --- worksheets that others wrote


@pytest.mark.parametrize("name", ["jupyterlab.ipynb", "vscode.ipynb"])
async def test_a_worksheet_of_another_editor_runs_and_goes_back_unharmed(
    shared_site: Site, files: SiteFiles, workspace: str, name: str
) -> None:
    before = _without_marks(json.loads((NOTEBOOKS / name).read_text()))
    await files.write(name, (NOTEBOOKS / name).read_bytes())
    talk = await shared_site.talk()
    await talk.attach(workspace)
    document = (await talk.obeyed(OpenDocument(name), workspace)).content.document  # type: ignore[attr-defined]
    await _run_all(talk, workspace, document)
    after = json.loads(await files.read(name))
    nbformat.validate(nbformat.from_dict(after))
    assert after["metadata"] == before["metadata"]
    assert [cell["outputs"][0]["text"] for cell in after["cells"] if cell["cell_type"] == "code"] == [["42\n"]]
    for cell, old in zip(after["cells"], before["cells"], strict=True):
        assert {**cell, "outputs": 0, "execution_count": 0} == {**old, "outputs": 0, "execution_count": 0}


def _without_marks(notebook: Any) -> Any:
    """What the format itself says is not kept in a file: marks of trust, and the version that it was read from."""
    notebook["metadata"].pop("orig_nbformat", None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("trusted", None)
    return notebook


async def _run_all(talk: Talk, workspace: str, document: str) -> None:
    await talk.obeyed(RunCells(document, all=True), workspace)
    await talk.hear("run_ended")
    await talk.obeyed(Save(document), workspace)


async def test_a_worksheet_is_exported_as_it_is_now(shared_site: Site, files: SiteFiles, workspace: str) -> None:
    await files.write("jl.ipynb", (NOTEBOOKS / "jupyterlab.ipynb").read_bytes())
    talk = await shared_site.talk()
    await talk.attach(workspace)
    document = (await talk.obeyed(OpenDocument("jl.ipynb"), workspace)).content.document  # type: ignore[attr-defined]
    await _run_all(talk, workspace, document)
    notebook = nbformat.reads((await files.export("jl.ipynb", "ipynb")).decode(), as_version=4)
    assert notebook.cells[1].outputs[0].text == "42\n"
    program = (await files.export("jl.ipynb", "py")).decode()
    assert program.startswith("# %% [markdown]\n# # Title")
    assert "print(6 * 7)" in program
    page = (await files.export("jl.ipynb", "html")).decode()
    assert "<math" in page
    assert ">42\n</pre>" in page
    assert "default-src 'none'" in page
    assert "<script" not in page
    with pytest.raises(NotFound):
        await files.export("none.ipynb", "html")
    await files.write("bad.ipynb", b"{}")
    for form in ("html", "py"):
        with pytest.raises(UsageError):
            await files.export("bad.ipynb", form)


async def test_what_is_too_large_for_the_worker_is_refused_as_well(files: SiteFiles) -> None:
    with pytest.raises(TooLarge, match=r"'f' has"):
        await files.write("f", bytes(LIMIT + 1))
