"""Live worksheets: running cells, saving, reopening with the journal, and what others did to the file."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sagews.client.worker import WorkerClient
from sagews.client.worker_channel import Channel
from sagews.errors import Fenced, NotFound, Unavailable, UsageError
from sagews.messages import commands
from sagews.messages.connection import Done
from sagews.messages.files import FileDelete, FileRename
from sagews.messages.frame import Frame
from sagews.messages.records import Actor, DocumentState, JournalEntry
from sagews.messages.workspace import (
    Checkpoint,
    Checkpointed,
    CloseWorkspace,
    DocumentMoved,
    DocumentUpdate,
    FollowJournal,
    Journaled,
    JournalFollowed,
    Notice,
    OpenWorkspace,
    RenewLease,
    RunEnded,
    Saved,
    Update,
)
from sagews.worker.settings import WorkerSettings
from sagews.workspace.notebook import Cell, Notebook
from sagews.workspace.worksheet import Worksheet
from tests.integration.workerserver.conftest import Make, OwnServer, start_program, stop_program
from tests.integration.workerserver.peer import Peer
from tests.integration.workerserver.test_files import Bulk
from tests.logwatch import Expectation
from tests.waiting import eventually

OWNER = Actor("ada", "Ada", "owner")
W = "w1"


async def opened(
    client: WorkerClient,
    epoch: int = 1,
    documents: tuple[DocumentState, ...] = (),
    journal: tuple[JournalEntry, ...] = (),
) -> Channel:
    await client.request(Frame(content=OpenWorkspace(documents=documents, journal=journal), workspace=W, epoch=epoch))
    channel = client.channel(W)
    await channel.attach(actor=OWNER)
    return channel


@asynccontextmanager
async def backend(server: OwnServer) -> AsyncIterator[WorkerClient]:
    async with WorkerClient.unix(server.socket, role="backend") as client:
        yield client


async def until(channel: Channel, kind: type) -> Frame:
    async for frame in channel.events():
        if isinstance(frame.content, kind):
            return frame
    raise AssertionError("the stream ended")


def an_edit(state: bytes, cells: dict[str, str]) -> bytes:
    """The update by which a client gives the worksheet these cells."""
    worksheet = Worksheet(state)
    notebook = worksheet.notebook()
    return worksheet.edit(
        Notebook(tuple(Cell(name, "code", source) for name, source in cells.items()), notebook.metadata)
    )


async def new_document(channel: Channel, path: str = "a.ipynb") -> tuple[str, bytes]:
    acknowledged = await channel.command(commands.OpenDocument(path, create=True))
    frame = await until(channel, DocumentUpdate)
    assert isinstance(frame.content, DocumentUpdate)
    return acknowledged.content.document, frame.content.update  # type: ignore[attr-defined]


async def test_cells_run_and_are_saved_with_outputs(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as client:
        channel = await opened(client)
        document, state = await new_document(channel)
        await channel.command(Update(document, an_edit(state, {"a": "print('hi')", "b": "6*7"})))
        await channel.command(commands.RunCells(document, all=True))
        assert (await until(channel, RunEnded)).content.cell == "a"  # type: ignore[attr-defined]
        assert (await until(channel, RunEnded)).content.cell == "b"  # type: ignore[attr-defined]
        await channel.command(commands.Save(document))
        await until(channel, Saved)
        file = json.loads((server.data / "workspaces" / W / "files" / "a.ipynb").read_text())
        assert [cell["outputs"][0].get("text") or cell["outputs"][0]["data"] for cell in file["cells"]] == [
            ["hi\n"],
            {"text/plain": ["42"]},
        ]


async def test_an_error_cancels_the_runs_of_the_same_command(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as client:
        channel = await opened(client)
        document, state = await new_document(channel)
        await channel.command(Update(document, an_edit(state, {"a": "1/0", "b": "1"})))
        await channel.command(commands.RunCells(document, ("a", "b")))
        ends = [await until(channel, RunEnded), await until(channel, RunEnded)]
        assert [frame.content.status for frame in ends] == ["error", "interrupted"]  # type: ignore[attr-defined]


async def test_reopening_has_state_journal_and_outputs(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as client:
        checkpoints: asyncio.Queue[Checkpoint] = asyncio.Queue()
        updates: asyncio.Queue[Frame] = asyncio.Queue()

        def heard(frame: Frame) -> None:
            if isinstance(frame.content, Checkpoint):
                checkpoints.put_nowait(frame.content)
                client.send(frame.reply(Checkpointed()))
            elif isinstance(frame.content, DocumentUpdate):
                updates.put_nowait(frame)

        client.on_frame = heard
        channel = await opened(client)
        await client.request(Frame(content=FollowJournal(), workspace=W))
        document, state = await new_document(channel)
        await channel.command(Update(document, an_edit(state, {"a": "6*7"})))
        await channel.command(commands.RunCells(document, ("a",)))
        await until(channel, RunEnded)
        await channel.command(commands.Save(document))
        stored = await checkpoints.get()
        # An edit after the checkpoint is in the journal only.
        edit = an_edit(stored.documents[0].state, {"a": "6*7", "c": "later"})
        taken = await channel.command(Update(document, edit))
        entry = JournalEntry(1, taken.n, document, "a.ipynb", edit)

        again = await opened(client, 2, stored.documents, (entry,))
        attached = await anext(again.events())
        snapshot = attached.content.snapshot  # type: ignore[attr-defined]
        cells = Worksheet(snapshot.documents[0].state).cells
        assert [(cell.id, cell.source) for cell in cells] == [("a", "6*7"), ("c", "later")]
        assert [(run.cell, run.outputs[0]["data"]) for run in snapshot.cells] == [("a", {"text/plain": "42"})]
        assert [(await updates.get()).n, (await updates.get()).n] == [1, 3]


async def test_a_file_changed_while_closed_is_an_edit(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as client:
        stored: list[Checkpoint] = []

        def heard(frame: Frame) -> None:
            if isinstance(frame.content, Checkpoint):
                stored.append(frame.content)
                client.send(frame.reply(Checkpointed()))

        client.on_frame = heard
        channel = await opened(client)
        await client.request(Frame(content=FollowJournal(), workspace=W))
        document, state = await new_document(channel)
        await channel.command(Update(document, an_edit(state, {"a": "one", "b": "two"})))
        await channel.command(commands.Save(document))
        await until(channel, Saved)
        await client.request(Frame(content=CloseWorkspace(), workspace=W, epoch=1))
        path = server.data / "workspaces" / W / "files" / "a.ipynb"
        written = hashlib.sha256(path.read_bytes()).hexdigest()
        path.write_text(path.read_text().replace("two", "TWO"))
        found = next(found for one in reversed(stored) if (found := one.documents) and Worksheet(found[0].state).cells)
        base = (replace(found[0], digest=written),)  # as told once the version is stored too
        later = an_edit(base[0].state, {"a": "one and a half", "b": "two"})
        again = await opened(client, 2, base, (JournalEntry(1, 99, document, "a.ipynb", later),))
        snapshot = (await anext(again.events())).content.snapshot  # type: ignore[attr-defined]
        cells = Worksheet(snapshot.documents[0].state).cells
        assert [cell.source for cell in cells] == ["one and a half", "TWO"]


async def test_an_older_epoch_is_fenced(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as client:
        old = await opened(client, 1)
        await client.request(Frame(content=OpenWorkspace(), workspace=W, epoch=2))
        with pytest.raises(Fenced):
            await client.request(Frame(content=OpenWorkspace(), workspace=W, epoch=1))
        channel = await opened(client, 2)
        with pytest.raises(Fenced):
            await channel.command(commands.OpenSession(), session="s", epoch=1)
        kinds = [(await anext(old.events())).content.type, (await anext(old.events())).content.type]
        assert kinds == ["attached", "workspace_closed"]


async def test_a_document_follows_its_renamed_file(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as client:
        channel = await opened(client)
        document, _ = await new_document(channel)
        bulk = Bulk(await Peer.unix(server.socket, "bulk"), W)
        assert await bulk.ask(FileRename("a.ipynb", "b/c.ipynb")) == Done()
        assert (await until(channel, DocumentMoved)).content == DocumentMoved(document, "b/c.ipynb")
        assert (server.data / "workspaces" / W / "files" / "b" / "c.ipynb").is_file()
        assert await bulk.ask(FileDelete("b")) == Done()
        assert (await until(channel, DocumentMoved)).content == DocumentMoved(document, "")
        with pytest.raises(NotFound):
            await channel.command(commands.Save(document))
        await bulk.peer.close()


async def test_what_another_program_wrote_is_put_aside(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as client:
        channel = await opened(client)
        document, state = await new_document(channel)
        await channel.command(commands.Save(document))
        await until(channel, Saved)
        files = server.data / "workspaces" / W / "files"
        (files / "a.ipynb").write_text("somebody else's")
        await channel.command(Update(document, an_edit(state, {"a": "1"})))
        await channel.command(commands.Save(document))
        await until(channel, Saved)
        assert sorted(file.read_text() == "somebody else's" for file in files.iterdir()) == [False, True]
        assert json.loads((files / "a.ipynb").read_text())["cells"][0]["source"] == ["1"]


async def test_a_change_is_written_soon_without_being_asked(own_server: Make) -> None:
    server = await own_server(WorkerSettings(checkpoint_seconds=0.1))
    async with backend(server) as client:
        channel = await opened(client)
        await new_document(channel)
        saved = await until(channel, Saved)
        assert saved.content.contains == 2  # type: ignore[attr-defined]


async def test_a_file_that_cannot_be_written_is_tried_again_and_told_once(
    own_server: Make, caplog: pytest.LogCaptureFixture, expected_log: Callable[[str, str], Expectation]
) -> None:
    expected_log("sagews.worker", "Document cannot be saved")
    server = await own_server(WorkerSettings(checkpoint_seconds=0.05, save_again_seconds=0.05))
    in_the_way = server.data / "workspaces" / W / "files" / "a.ipynb"
    in_the_way.mkdir(parents=True)
    async with backend(server) as client:
        channel = await opened(client)
        with pytest.raises(UsageError):
            await channel.command(commands.OpenDocument("a.ipynb", create=True))
        in_the_way.rmdir()
        document, _ = await new_document(channel)
        await until(channel, Saved)
        in_the_way.unlink()
        in_the_way.mkdir()
        await channel.command(commands.Save(document))
        told = (await until(channel, Notice)).content
        assert isinstance(told, Notice)
        assert (told.level, told.document) == ("error", document)
        await eventually(lambda: caplog.text.count("Document cannot be saved") >= 3)
        in_the_way.rmdir()
        await until(channel, Saved)
        assert (await until(channel, Notice)).content == Notice("a.ipynb is saved again.", "info", document)
        assert in_the_way.is_file()


def file_of(server: OwnServer) -> str:
    path = server.data / "workspaces" / W / "files" / "a.ipynb"
    return path.read_text() if path.exists() else ""


async def test_output_of_a_cell_that_still_runs_is_written_too(own_server: Make) -> None:
    server = await own_server(WorkerSettings(checkpoint_seconds=0.1))
    async with backend(server) as client:
        channel = await opened(client)
        document, state = await new_document(channel)
        code = "print('so' + ' far')\nimport time; time.sleep(1000)"
        await channel.command(Update(document, an_edit(state, {"a": code})))
        await eventually(lambda: "time.sleep" in file_of(server))
        await channel.command(commands.RunCells(document, all=True))
        await eventually(lambda: "so far" in file_of(server))


async def test_a_display_that_changes_after_its_run_is_written_too(own_server: Make) -> None:
    server = await own_server(WorkerSettings(checkpoint_seconds=0.1))
    async with backend(server) as client:
        channel = await opened(client)
        document, state = await new_document(channel)
        code = (
            "import threading\ngo_on = threading.Event()\nshown = display('be' + 'fore', display_id=True)\n"
            "threading.Thread(target=lambda: (go_on.wait(), shown.update('af' + 'ter'))).start()"
        )
        await channel.command(Update(document, an_edit(state, {"a": code})))
        await channel.command(commands.RunCells(document, all=True))
        await eventually(lambda: "'before'" in file_of(server))
        await channel.command(commands.Execute("go_on.set()"), session=document)
        await eventually(lambda: "'after'" in file_of(server))


async def test_sigterm_writes_everything_and_ends_well(tmp_path: Path) -> None:
    program = start_program(tmp_path, "[worker.environments.sage]\nenabled = false\n")
    async with WorkerClient.unix(program.socket, role="backend") as client:
        channel = await opened(client)
        document, state = await new_document(channel)
        await channel.command(Update(document, an_edit(state, {"a": "kept"})))
        assert await asyncio.to_thread(stop_program, program) == 0
    file = tmp_path / "data" / "worker.0" / "workspaces" / W / "files" / "a.ipynb"
    assert json.loads(file.read_text())["cells"][0]["source"] == ["kept"]


async def test_updates_need_a_lease(own_server: Make) -> None:
    server = await own_server(WorkerSettings(lease_seconds=0.3))
    async with backend(server) as client:
        channel = await opened(client)
        document, state = await new_document(channel)
        edit = an_edit(state, {"a": "1"})
        await asyncio.sleep(0.4)  # the lease ends by time alone
        with pytest.raises(Unavailable):
            await channel.command(Update(document, edit))
        await client.request(Frame(content=RenewLease({W: 1})))
        assert (await channel.command(Update(document, edit))).n > 0


async def test_unjournaled_updates_wait_for_a_follower(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with backend(server) as first:
        channel = await opened(first)
        document, state = await new_document(channel)
        taken = await channel.command(Update(document, an_edit(state, {"a": "1"})))
        async with backend(server) as second:
            answer = await second.request(Frame(content=FollowJournal(), workspace=W))
            assert isinstance(answer.content, JournalFollowed)
            assert [entry.n for entry in answer.content.unjournaled] == [1, taken.n]
            second.send(Frame(content=Journaled(), workspace=W, epoch=1, n=1))
            answer = await second.request(Frame(content=FollowJournal(), workspace=W))
            assert [entry.n for entry in answer.content.unjournaled] == [taken.n]  # type: ignore[attr-defined]


async def test_a_link_in_the_workspace_is_not_followed(own_server: Make, tmp_path: Path) -> None:
    server = await own_server(WorkerSettings())
    secret = tmp_path / "secret.ipynb"
    secret.write_text("{}")
    async with backend(server) as client:
        channel = await opened(client)
        (server.data / "workspaces" / W / "files" / "a.ipynb").symlink_to(secret)
        from sagews.errors import UsageError

        with pytest.raises(UsageError):
            await channel.command(commands.OpenDocument("a.ipynb"))
