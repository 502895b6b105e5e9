"""Files of a workspace over a bulk connection."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from sagews.client.worker import WorkerClient
from sagews.messages import encode, files
from sagews.messages.connection import Done, Refused
from sagews.messages.frame import Frame, Message
from sagews.messages.records import Limits
from sagews.messages.workspace import CloseWorkspace, OpenWorkspace
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make
from tests.integration.workerserver.peer import Peer


class Bulk:
    """A bulk connection and the workspace that it is about."""

    def __init__(self, peer: Peer, workspace: str) -> None:
        self.peer, self.workspace, self.request = peer, workspace, 0

    async def ask(self, content: Message) -> Message:
        self.request += 1
        self.peer.say(content, workspace=self.workspace, request=self.request)
        return (await self.peer.hear()).content

    async def write(self, path: str, data: bytes, size: int | None = None) -> Message:
        self.request += 1
        opening = files.FileWrite(path, len(data) if size is None else size)
        self.peer.say(opening, workspace=self.workspace, request=self.request)
        credit = 8
        pieces = [data[at : at + files.PIECE_BYTES] for at in range(0, len(data), files.PIECE_BYTES)] or [b""]
        for number, piece in enumerate(pieces):
            while not credit:
                credit += (await self.peer.hear_kind(files.Credit)).content.pieces  # type: ignore[attr-defined]
            content = files.FilePiece(number * files.PIECE_BYTES, number == len(pieces) - 1)
            frame = Frame(content=content, workspace=self.workspace, request=self.request)
            self.peer.writer.write(encode(replace(frame, payload=piece)))
            credit -= 1
        while True:
            frame = await self.peer.hear()
            if not isinstance(frame.content, files.Credit):
                return frame.content

    async def read(self, path: str) -> bytes:
        self.request += 1
        self.peer.say(files.FileRead(path), workspace=self.workspace, request=self.request)
        data = b""
        while True:
            frame = await self.peer.hear_kind(files.FilePiece)
            assert frame.content.offset == len(data)  # type: ignore[attr-defined]
            data += frame.payload
            if frame.content.last:  # type: ignore[attr-defined]
                return data
            self.peer.say(files.Credit(1), request=self.request)


@pytest_asyncio.fixture
async def bulk(own_server: Make) -> AsyncIterator[Bulk]:
    server = await own_server(WorkerSettings())
    live = await Peer.unix(server.socket)
    live.say(OpenWorkspace(), workspace="w1", epoch=1, request=1)
    await live.hear_kind(Done)
    bulk = Bulk(await Peer.unix(server.socket, "bulk"), "w1")
    yield bulk
    await bulk.peer.close()
    live.say(CloseWorkspace(), workspace="w1", request=2)
    await live.hear_kind(Done)
    await live.close()


async def test_a_large_file_goes_in_and_out_unchanged(bulk: Bulk) -> None:
    data = secrets.token_bytes(3_000_001)
    assert await bulk.write("data/a.bin", data) == Done()
    assert await bulk.read("data/a.bin") == data
    entries = await bulk.ask(files.FileList("data"))
    assert [(entry.path, entry.size) for entry in entries.entries] == [("data/a.bin", len(data))]  # type: ignore[attr-defined]


async def test_an_empty_file(bulk: Bulk) -> None:
    assert await bulk.write("empty", b"") == Done()
    assert await bulk.read("empty") == b""


async def test_a_file_that_comes_short_leaves_nothing(bulk: Bulk) -> None:
    assert isinstance(await bulk.write("a", b"abc", size=5), Refused)
    assert await bulk.ask(files.FileList()) == files.FileEntries(())


async def test_folders_renaming_deleting(bulk: Bulk) -> None:
    assert await bulk.ask(files.FolderMake("a/b")) == Done()
    await bulk.write("a/b/c", b"1")
    await bulk.write("d", b"2")
    assert isinstance(await bulk.ask(files.FileRename("d", "a/b/c")), Refused)
    assert await bulk.ask(files.FileRename("a", "e")) == Done()
    assert await bulk.read("e/b/c") == b"1"
    assert await bulk.ask(files.FileDelete("e")) == Done()
    entries = await bulk.ask(files.FileList())
    assert [entry.path for entry in entries.entries] == ["d"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "path", ["../up", "/etc/passwd", "a/../../b", "", ".", "a//b", "a\0b", "x" * 300, "link", "inner/passwd", "pipe"]
)
async def test_no_path_leads_out(bulk: Bulk, tmp_path: Path, path: str) -> None:
    top = tmp_path / "workspaces" / "w1" / "files"
    (top / "link").symlink_to("/etc/passwd")
    (top / "inner").symlink_to("/etc")
    os.mkfifo(top / "pipe")
    for content in (files.FileRead(path), files.FileRename(path, "new"), files.FileDelete(path)):
        if path in ("link", "pipe") and not isinstance(content, files.FileRead):
            continue  # a link itself may be renamed and deleted
        assert isinstance(await bulk.ask(content), Refused)


async def test_where_nothing_is_limited_files_sessions_and_text_are_taken(own_server: Make) -> None:
    """0 means "no limit", in an account's type as in the settings."""
    server = await own_server(WorkerSettings(session_limits=Limits()))
    async with WorkerClient.unix(server.socket) as client:
        session = await client.open_session("python", limits=Limits())
        assert (await session.evaluate("print('text')")).stdout == "text\n"
        bulk = Bulk(await Peer.unix(server.socket, "bulk"), session.channel.workspace)
        assert await bulk.write("a", b"abc") == Done()
        await bulk.peer.close()
