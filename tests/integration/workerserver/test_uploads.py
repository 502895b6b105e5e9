"""Uploads and archives, and the limits of a workspace."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from sagews.client.worker import WorkerClient
from sagews.messages import encode, files
from sagews.messages.connection import Refused
from sagews.messages.frame import Frame, Message
from sagews.messages.records import Limits
from sagews.messages.workspace import CloseWorkspace, OpenWorkspace
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make
from tests.integration.workerserver.peer import Peer

W = "w1"
LIMITS = Limits(disk_bytes=300_000, file_bytes=200_000)


class Small:
    """A small workspace, and a bulk connection."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self.peer, self.folder, self.number = peer, folder, 0

    async def ask(self, content: Message, data: bytes | None = None) -> Message:
        self.number += 1
        self.peer.say(content, workspace=W, request=self.number)
        if data is not None:
            piece = files.FilePiece(0, last=True)
            self.peer.writer.write(encode(Frame(content=piece, workspace=W, request=self.number, payload=data)))
        return (await self.peer.hear()).content


@pytest_asyncio.fixture
async def small(own_server: Make) -> AsyncIterator[Small]:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.socket) as client:
        await client.request(Frame(content=OpenWorkspace(kept=False, limits=LIMITS), workspace=W, epoch=1))
        [folder] = (server.data / "scratch").iterdir()
        peer = await Peer.unix(server.socket, "bulk")
        yield Small(peer, folder / "files")
        await peer.close()
        await client.request(Frame(content=CloseWorkspace(), workspace=W, epoch=1))


async def test_what_has_no_room_is_refused_before_it_comes(small: Small) -> None:
    refused = await small.ask(files.UploadBegin("large.bin", 250_000))
    assert isinstance(refused, Refused)
    assert refused.what == "'large.bin' has 244.1 KiB; a file may have 195.3 KiB."
    (small.folder / "there").write_bytes(bytes(200_000))
    refused = await small.ask(files.UploadBegin("more.bin", 150_000))
    assert isinstance(refused, Refused)
    assert refused.code == "over_limit"
    assert "'more.bin' (146.5 KiB)" in refused.what
    assert "293 KiB" in refused.what
    await small.ask(files.FileDelete("there"))
    assert isinstance(await small.ask(files.UploadBegin("more.bin", 150_000)), files.UploadState)


async def test_uploads_that_are_not_finished_count(small: Small) -> None:
    first = await small.ask(files.UploadBegin("1", 190_000))
    assert isinstance(first, files.UploadState)
    assert isinstance(await small.ask(files.UploadBegin("2", 190_000)), Refused)
    await small.ask(files.UploadCancel(first.upload))
    assert isinstance(await small.ask(files.UploadBegin("2", 190_000)), files.UploadState)


async def test_a_file_arrives_in_parts(small: Small) -> None:
    begun = await small.ask(files.UploadBegin("a/b", 6))
    assert isinstance(begun, files.UploadState)
    await small.ask(files.UploadWrite(begun.upload, 0, 3), b"abc")
    asked = await small.ask(files.UploadAsk(begun.upload))
    assert asked == files.UploadState(begun.upload, "a/b", 6, 3)
    done = await small.ask(files.UploadWrite(begun.upload, 3, 3), b"def")
    assert done == files.UploadState(begun.upload, "a/b", 6, 6, finished=True)
    assert (small.folder / "a" / "b").read_bytes() == b"abcdef"


async def test_a_zip_file_unpacks_to_no_more_than_there_is_room_for(small: Small) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("1", "2"):
            archive.writestr(name, bytes(190_000))
    (small.folder / "bomb.zip").write_bytes(made.getvalue())
    refused = await small.ask(files.FileImport("bomb.zip"))
    assert isinstance(refused, Refused)
    assert refused.code == "too_large"
    assert [path.name for path in small.folder.iterdir()] == ["bomb.zip"]


async def test_hostile_names_are_refused_by_the_worker_too(small: Small) -> None:
    for path in ("../x", ".git/config", "a\nb", "x" * 256):
        for content in (
            files.UploadBegin(path, 1),
            files.FileWrite(path, 1),
            files.FolderMake(path),
            files.FileRename("a", path),
        ):
            assert isinstance(await small.ask(content), Refused)
