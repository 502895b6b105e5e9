"""Files of a workspace over HTTP, streamed through a bulk connection."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.integration.backend.running import Site
from tests.integration.backend.scripted_worker import ScriptedWorker
from tests.integration.backend.talk import closed
from tests.waiting import eventually


@pytest.fixture
def limited(folder: Path) -> Path:
    """The site's folder; uploads have at most 300,000 bytes."""
    configuration = folder / "sagews.toml"
    text = configuration.read_text().replace("port = 0", "port = 0\nmaximum_upload_bytes = 300000")
    configuration.write_text(text)
    return folder


async def test_files_are_written_listed_read_renamed_and_deleted(
    kept_site: Site, scripted: ScriptedWorker, workspace: str
) -> None:
    files, http = f"/api/workspaces/{workspace}/files", kept_site.http
    data = os.urandom(1_000_000)
    assert (await http("PUT", f"{files}/a%20folder/na%C3%AFve.bin", body=data)).code == 204
    assert scripted.files.kept == {"a folder/naïve.bin": data}
    listed = await http.json("GET", files)
    assert listed["entries"] == [{"path": "a folder/naïve.bin", "kind": "file", "size": 1_000_000, "modified": 1.5}]
    read = await http("GET", f"{files}/a%20folder/na%C3%AFve.bin")
    assert read.body == data
    assert read.headers["Content-Type"] == "application/octet-stream"
    assert read.headers["Content-Disposition"] == "attachment; filename*=UTF-8''na%C3%AFve.bin"
    assert "sandbox" in read.headers["Content-Security-Policy"]
    assert (await http("PATCH", f"{files}/a%20folder/na%C3%AFve.bin", {"path": "b.bin"})).code == 204
    assert (await http("POST", files, {"path": "new"})).code == 204
    assert sorted(scripted.files.kept) == ["b.bin", "new/"]
    assert (await http("DELETE", f"{files}/b.bin")).code == 204
    assert await http.error("GET", f"{files}/b.bin") == (404, "not_found")
    assert await http.error("DELETE", f"{files}/b.bin") == (404, "not_found")


@pytest.mark.parametrize("size", [0, 1, 65536, 65537])
async def test_files_of_every_size_come_back(kept_site: Site, workspace: str, size: int) -> None:
    path, data = f"/api/workspaces/{workspace}/files/f", os.urandom(size)
    assert (await kept_site.http("PUT", path, body=data)).code == 204
    assert (await kept_site.http("GET", path)).body == data


@pytest.mark.parametrize(
    "path", ["..", "../x", "a/../../x", "a//b", "./a", "a/.", "%2e%2e/x", "..%2fx", "%00", "/etc/passwd", "a%00b", "a/"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_no_path_leads_out_of_the_workspace(
    kept_site: Site, scripted: ScriptedWorker, workspace: str, method: str, path: str
) -> None:
    body = b"x" if method == "PUT" else None
    status, _ = await kept_site.http.error(method, f"/api/workspaces/{workspace}/files/{path}", body=body)
    assert status == 404
    assert scripted.files.asked == []


async def test_a_rename_leads_nowhere_else_either(kept_site: Site, scripted: ScriptedWorker, workspace: str) -> None:
    path = f"/api/workspaces/{workspace}/files/a"
    assert await kept_site.http.error("PATCH", path, {"path": "../a"}) == (404, "not_found")
    assert await kept_site.http.error("PATCH", path, {"path": "\ud800"}) == (400, "bad_message")
    assert scripted.files.asked == []


async def test_what_the_worker_refuses_is_refused_whatever_was_sent(kept_site: Site, workspace: str) -> None:
    path = f"/api/workspaces/{workspace}/files/taken"
    for size in (1, 5_000_000):
        assert await kept_site.http.error("PUT", path, body=bytes(size)) == (409, "conflict")


@pytest.mark.usefixtures("limited")
async def test_uploads_have_a_limit(kept_site: Site, scripted: ScriptedWorker, workspace: str) -> None:
    path = f"/api/workspaces/{workspace}/files/f"
    assert (await kept_site.http("PUT", path, body=bytes(300_000))).code == 204
    assert await kept_site.http.error("PUT", path, body=bytes(300_001)) == (413, "too_large")
    assert len(scripted.files.kept["f"]) == 300_000


async def test_an_upload_says_its_length(kept_site: Site, scripted: ScriptedWorker, workspace: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", kept_site.port)
    writer.write(
        f"PUT /api/workspaces/{workspace}/files/f HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {kept_site.token}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".encode()
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert scripted.files.asked == []
    writer.close()
    await closed(writer)


async def test_an_upload_that_is_broken_off_changes_nothing(
    kept_site: Site, scripted: ScriptedWorker, workspace: str
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", kept_site.port)
    writer.write(
        f"PUT /api/workspaces/{workspace}/files/f HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {kept_site.token}\r\nContent-Length: 1000000\r\n\r\n".encode()
        + bytes(500_000)
    )
    await eventually(lambda: len(scripted.files.coming) > 300_000)
    writer.close()
    await closed(writer)
    await eventually(lambda: not any(peer.is_bulk for peer in scripted.peers))
    assert scripted.files.kept == {}


async def test_the_whole_output_of_a_run_is_read(kept_site: Site, scripted: ScriptedWorker, workspace: str) -> None:
    scripted.files.kept["output of r1"] = "line \u2211\n".encode() * 100_000
    answer = await kept_site.http("GET", f"/api/workspaces/{workspace}/runs/r1/output")
    assert answer.body == scripted.files.kept["output of r1"]
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert await kept_site.http.error("GET", f"/api/workspaces/{workspace}/runs/r2/output") == (404, "not_found")


@pytest.fixture
def with_one_transfer(folder: Path) -> Path:
    """The site's folder; an account has one transfer at once."""
    configuration = folder / "sagews.toml"
    configuration.write_text(configuration.read_text().replace("port = 0", "port = 0\nmaximum_transfers = 1"))
    return folder


@pytest.mark.usefixtures("with_one_transfer")
async def test_an_account_has_so_many_transfers_at_once(
    kept_site: Site, scripted: ScriptedWorker, workspace: str
) -> None:
    files = f"/api/workspaces/{workspace}/files"
    _, writer = await asyncio.open_connection("127.0.0.1", kept_site.port)
    writer.write(
        f"PUT {files}/f HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {kept_site.token}\r\nContent-Length: 1000000\r\n\r\n".encode()
        + bytes(500_000)
    )
    await eventually(lambda: len(scripted.files.coming) > 300_000)
    assert await kept_site.http.error("GET", files) == (429, "over_limit")
    writer.close()
    await closed(writer)
    await eventually(lambda: not any(peer.is_bulk for peer in scripted.peers))
    assert (await kept_site.http.json("GET", files))["entries"] == []
