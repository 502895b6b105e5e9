"""Folders of workspaces that are closed or deleted, on a worker's disk."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sagews.client.worker import WorkerClient
from sagews.errors import Conflict, MessageError
from sagews.messages import Frame
from sagews.messages.connection import Done, Refused
from sagews.messages.folders import FoldersListed, ForgetWorkspace, ListFolders, RemoveFolder
from sagews.messages.frame import Message
from sagews.messages.records import FolderRecord
from sagews.messages.workspace import Checkpoint, Checkpointed, CloseWorkspace, FollowJournal, OpenWorkspace
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make, OwnServer
from tests.waiting import eventually

W = "w"
AT_ONCE = WorkerSettings(checkpoint_seconds=0.1, folder_seconds=1e-6, checkpoint_answer_seconds=60.0)
LATER = WorkerSettings(checkpoint_seconds=0.1, folder_seconds=3600.0)


class Backend:
    """Stores what it is told to store, or refuses to."""

    def __init__(self, client: WorkerClient) -> None:
        self.client = client
        self.answer: Callable[[], Message] = Checkpointed
        self.asked = 0
        client.on_frame = self._heard

    def _heard(self, frame: Frame) -> None:
        if isinstance(frame.content, Checkpoint):
            self.asked += 1
            self.client.send(frame.reply(self.answer()))

    async def ask(self, content: Message, workspace: str = W, epoch: int = 0) -> Message:
        async with asyncio.timeout(20):
            return (await self.client.request(Frame(content=content, workspace=workspace, epoch=epoch))).content

    async def open(self, epoch: int = 1) -> None:
        await self.ask(OpenWorkspace(), epoch=epoch)
        await self.ask(FollowJournal())

    async def listed(self) -> tuple[FolderRecord, ...]:
        answer = await self.ask(ListFolders(), "")
        assert isinstance(answer, FoldersListed)
        return answer.folders

    async def says_stored(self) -> bool:
        """Once no file is so fresh that it may change unseen."""
        (record,) = await self.listed()
        # A slow machine may make a version before the file is written, and one after it.
        assert record == FolderRecord(W, is_old=True, is_stored=True, versions=record.versions)
        assert record.versions > 0
        return True


@asynccontextmanager
async def backend_of(server: OwnServer) -> AsyncIterator[Backend]:
    async with WorkerClient.unix(server.socket, role="backend") as client:
        yield Backend(client)


def folder_of(server: OwnServer) -> Path:
    return server.data / "workspaces" / W


async def test_a_closed_workspace_whose_files_are_stored_can_be_removed(own_server: Make) -> None:
    server = await own_server(AT_ONCE)
    async with backend_of(server) as backend:
        await backend.open()
        (folder_of(server) / "files" / "a").write_bytes(secrets.token_bytes(1000))
        assert await backend.ask(RemoveFolder()) == Done()
        assert (folder_of(server) / "files" / "a").exists()
        await backend.ask(CloseWorkspace(), epoch=1)
        assert backend.asked
        await eventually(backend.says_stored)
        assert await backend.ask(RemoveFolder()) == Done()
        assert not folder_of(server).exists()
        await eventually(lambda: not list((server.data / "rubbish").iterdir()))
        assert await backend.listed() == ()
        assert await backend.ask(RemoveFolder()) == Done()


async def test_what_nobody_has_stored_is_said(own_server: Make) -> None:
    server = await own_server(AT_ONCE)
    async with backend_of(server) as backend:
        backend.answer = lambda: Refused.because(Conflict("There are others."))
        await backend.open()
        (folder_of(server) / "files" / "a").write_text("1")
        await backend.ask(CloseWorkspace(), epoch=1)
        (closed,) = await backend.listed()
        assert (closed.is_old, closed.is_stored, closed.versions > 0) == (True, False, True)
        # Opened and stored, it is another thing.
        backend.answer = Checkpointed
        await backend.open(epoch=2)
        (open_now,) = await backend.listed()
        assert not open_now.is_stored
        await backend.ask(CloseWorkspace(), epoch=2)
        await eventually(backend.says_stored)


async def test_a_folder_that_was_used_since_stays(own_server: Make) -> None:
    server = await own_server(LATER)
    async with backend_of(server) as backend:
        await backend.open()
        (folder_of(server) / "files" / "a").write_text("1")
        await backend.ask(CloseWorkspace(), epoch=1)
        assert await backend.listed() == (FolderRecord(W),)
        assert await backend.ask(RemoveFolder()) == Done()
        assert (folder_of(server) / "files" / "a").read_text() == "1"


async def test_of_a_workspace_that_is_deleted_nothing_is_left(own_server: Make) -> None:
    server = await own_server(LATER)
    async with backend_of(server) as backend:
        await backend.open()
        (folder_of(server) / "files" / "closed").mkdir(mode=0o500)
        (server.data / "arrivals" / W / "1").mkdir(parents=True)
        assert server.server.workspaces.openings().epochs == {W: 1}
        assert await backend.ask(ForgetWorkspace()) == Done()
        assert server.server.workspaces.openings().epochs == {}
        await eventually(lambda: not folder_of(server).exists())
        await eventually(lambda: not list((server.data / "rubbish").iterdir()))
        assert list((server.data / "arrivals").iterdir()) == []
        assert await backend.ask(ForgetWorkspace()) == Done()


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "w\n"])
async def test_no_other_folder_can_be_named(own_server: Make, name: str) -> None:
    server = await own_server(AT_ONCE)
    async with backend_of(server) as backend:
        for content in (RemoveFolder(), ForgetWorkspace()):
            with pytest.raises(MessageError):
                await backend.ask(content, name)
