"""Text files that several people edit, and what programs do to them and to folders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from sagews.client.worker import WorkerClient
from sagews.client.worker_channel import Channel
from sagews.errors import Conflict, NotFound, UsageError
from sagews.messages import commands, files
from sagews.messages.frame import Frame, Message
from sagews.messages.workspace import (
    Attached,
    CloseWorkspace,
    DocumentMoved,
    DocumentUpdate,
    Notice,
    OpenWorkspace,
    Saved,
    Update,
)
from sagews.worker.settings import WorkerSettings
from sagews.workspace.text_document import PlainText, TextDocument
from tests.integration.workerserver.conftest import Make
from tests.integration.workerserver.peer import Peer

W = "w1"


@dataclass
class Place:
    """A workspace, its folder, somebody who is attached, and a bulk connection."""

    channel: Channel
    folder: Path
    bulk: Peer
    number: int = 0

    async def until(self, kind: type[Message], where: Callable[[Frame], bool] = lambda frame: True) -> Frame:
        async with asyncio.timeout(20):
            async for frame in self.channel.events():
                if isinstance(frame.content, kind) and where(frame):
                    return frame
        raise AssertionError("the stream ended")

    async def open(self, path: str, *, create: bool = False) -> tuple[str, TextDocument]:
        answer = await self.channel.command(commands.OpenDocument(path, create=create))
        document = answer.content.document  # type: ignore[attr-defined]
        frame = await self.until(DocumentUpdate)
        return document, TextDocument(frame.content.update)  # type: ignore[attr-defined]

    async def ask(self, content: Message) -> Message:
        self.number += 1
        self.bulk.say(content, workspace=W, request=self.number)
        return (await self.bulk.hear()).content


@pytest_asyncio.fixture
async def place(own_server: Make) -> AsyncIterator[Place]:
    server = await own_server(WorkerSettings(checkpoint_seconds=60))
    async with WorkerClient.unix(server.socket) as client:
        await client.request(Frame(content=OpenWorkspace(kept=False), workspace=W, epoch=1))
        [folder] = (server.data / "scratch").iterdir()
        channel = client.channel(W, "me")
        await channel.attach()
        bulk = await Peer.unix(server.socket, "bulk")
        yield Place(channel, folder / "files", bulk)
        await bulk.close()
        await client.request(Frame(content=CloseWorkspace(), workspace=W, epoch=1))


async def test_a_text_is_made_edited_and_written(place: Place) -> None:
    document, text = await place.open("program.py", create=True)
    assert text.content == PlainText("")
    await place.channel.command(Update(document, text.edit(PlainText("x = 1\n"))))
    await place.channel.command(commands.Save(document))
    await place.until(Saved)
    assert (place.folder / "program.py").read_bytes() == b"x = 1\n"


async def test_ends_of_lines_and_what_comes_first_stay(place: Place) -> None:
    data = "\ufeffone\r\ntwo é\r\n".encode()
    (place.folder / "a.txt").write_bytes(data)
    document, text = await place.open("a.txt")
    await place.channel.command(commands.Save(document))
    await place.until(Saved)
    assert (place.folder / "a.txt").read_bytes() == data
    await place.channel.command(Update(document, text.edit(PlainText(text.content.text + "three\n", "\r\n"))))
    await place.channel.command(commands.Save(document))
    await place.until(Saved)
    assert (place.folder / "a.txt").read_bytes() == data + b"three\r\n"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\0b", b"one\r\ntwo\n"])
async def test_what_is_no_text_is_not_opened_as_one(place: Place, data: bytes) -> None:
    (place.folder / "a.bin").write_bytes(data)
    with pytest.raises(UsageError):
        await place.channel.command(commands.OpenDocument("a.bin"))
    assert (place.folder / "a.bin").read_bytes() == data


async def test_a_new_text_has_no_hostile_name(place: Place) -> None:
    for path in ("../x.txt", ".git/config", "a\nb"):
        with pytest.raises(UsageError):
            await place.channel.command(commands.OpenDocument(path, create=True))
    with pytest.raises(NotFound):
        await place.channel.command(commands.OpenDocument("none.txt"))


async def test_a_text_has_no_cells_to_run(place: Place) -> None:
    document, _ = await place.open("a.txt", create=True)
    with pytest.raises(Conflict):
        await place.channel.command(commands.RunCells(document, all=True))


async def test_what_a_program_writes_into_an_open_text_appears_in_it(place: Place) -> None:
    (place.folder / "data").mkdir()
    file = place.folder / "data" / "log.txt"
    file.write_text("one\n")
    _, text = await place.open("data/log.txt")
    file.write_text("one\ntwo\n")
    frame = await place.until(DocumentUpdate)
    text.apply(frame.content.update)  # type: ignore[attr-defined]
    assert text.content.text == "one\ntwo\n"


async def test_edits_and_a_program_that_writes_lose_nothing(place: Place) -> None:
    file = place.folder / "a.txt"
    file.write_text("one\n")
    document, text = await place.open("a.txt")
    await place.channel.command(Update(document, text.edit(PlainText("one\nmine\n"))))
    file.write_text("theirs\n")
    await place.channel.command(commands.Save(document))
    notice = (await place.until(Notice)).content
    assert file.read_text() == "one\nmine\n"
    [aside] = [path for path in place.folder.iterdir() if path.name != "a.txt"]
    assert aside.read_text() == "theirs\n"
    assert aside.name in notice.text  # type: ignore[attr-defined]
    assert aside.suffix == ".txt"


async def test_what_appears_in_a_listed_folder_is_told(place: Place) -> None:
    (place.folder / "data").mkdir()
    assert await place.ask(files.FileList("data")) == files.FileEntries(())
    (place.folder / "data" / "new.csv").write_text("1")
    frame = await place.until(files.FolderChanged)
    assert frame.content == files.FolderChanged("data")
    entries = (await place.ask(files.FileList("data"))).entries  # type: ignore[attr-defined]
    assert [entry.path for entry in entries] == ["data/new.csv"]


async def test_a_text_that_becomes_a_worksheet_by_its_name_is_closed_and_kept(place: Place) -> None:
    document, text = await place.open("a.txt", create=True)
    await place.channel.command(Update(document, text.edit(PlainText("kept\n"))))
    await place.ask(files.FileRename("a.txt", "a.ipynb"))
    assert (await place.until(DocumentMoved)).content == DocumentMoved(document, "")
    assert (place.folder / "a.ipynb").read_text() == "kept\n"


async def test_who_comes_later_sees_the_text(place: Place) -> None:
    document, text = await place.open("a.txt", create=True)
    await place.channel.command(Update(document, text.edit(PlainText("shared\n"))))
    attached = (await place.channel.attach()).content
    assert isinstance(attached, Attached)
    assert attached.snapshot is not None
    [state] = attached.snapshot.documents
    assert TextDocument(state.state).content.text == "shared\n"
