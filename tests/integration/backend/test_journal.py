"""Nothing is acknowledged before it is in the journal (I5), whatever the database and the worker do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sagews.backend import journal, outbox, worker_pool
from sagews.messages import Frame
from sagews.messages.connection import Ping, Refused
from sagews.messages.jupyter import Stream
from sagews.messages.records import DocumentState, JournalEntry
from sagews.messages.workspace import (
    Checkpoint,
    Checkpointed,
    CloseWorkspace,
    DocumentMoved,
    Journaled,
    OpenWorkspace,
    RenewLease,
    Update,
    WorkspaceClosed,
)
from tests.integration.backend.running import Site, running_backend
from tests.integration.backend.scripted_worker import ScriptedWorker
from tests.integration.backend.talk import Talk
from tests.waiting import eventually


@pytest.fixture
async def talk(kept_site: Site, workspace: str) -> Talk:
    """A client that is attached to it."""
    talk = await kept_site.talk()
    await talk.attach(workspace)
    return talk


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Another process writes into the database, and takes its time."""
    with closing(sqlite3.connect(site.configuration.data_folder / "sagews.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def alive(talk: Talk) -> None:
    """What the client sent before was handed on, and what came before was told."""
    after = len(talk.heard)
    await talk.say(Frame(content=Ping()))
    await talk.hear("pong", after=after)


def answered(talk: Talk) -> list[int]:
    """The numbers that were acknowledged, in order."""
    return [frame.k for frame in talk.heard if frame.content.type == "acknowledged"]


@pytest.mark.parametrize("ack_first", [True, False])
async def test_an_update_is_acknowledged_when_it_is_in_the_journal(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str, ack_first: bool
) -> None:
    scripted.ack_first = ack_first
    for k in range(1, 21):
        await talk.command(Update("d", bytes([k])), workspace)
    await eventually(lambda: answered(talk) == list(range(1, 21)))
    rows = await kept_site.backend.store.journal.read(workspace)
    assert [row.update for row in rows] == [bytes([k]) for k in range(1, 21)]
    assert {(row.epoch, row.document, row.path, row.actor) for row in rows} == {(1, "d", "a.ipynb", "solo")}
    await eventually(lambda: scripted.said(Journaled)[-1].n == 20)


async def test_while_the_database_is_locked_edits_wait_and_evaluation_goes_on(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    with locked(kept_site):
        k = await talk.command(Update("d", b"1"), workspace)
        await talk.hear("document_update")
        scripted.event(workspace, Stream("stdout", "still running"))
        await talk.hear("stream")
        await alive(talk)
        assert answered(talk) == []
        assert scripted.said(Journaled) == []
    await talk.answer(k)
    assert [row.update for row in await kept_site.backend.store.journal.read(workspace)] == [b"1"]


async def test_when_the_database_comes_back_edits_are_acknowledged(
    kept_site: Site,
    scripted: ScriptedWorker,
    talk: Talk,
    workspace: str,
    expected_log: Callable[[str, str], object],
) -> None:
    expected_log("sagews.backend.journal", "Journal waits")
    await eventually(lambda: scripted.said(RenewLease))
    await kept_site.backend.registration.stop()  # it may have a connection in use
    await kept_site.backend.store.close()
    file = kept_site.configuration.data_folder / "sagews.sqlite"
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    first = await talk.command(Update("d", b"1"), workspace)
    second = await talk.command(Update("d", b"2"), workspace)
    await talk.hear("document_update", where=lambda frame: frame.n == 2)
    await eventually(lambda: kept_site.backend.metrics.journal_failures._value.get() > 1)
    await alive(talk)
    assert answered(talk) == []
    file.rmdir()
    file.with_suffix(".away").rename(file)
    await talk.answer(second)
    assert answered(talk) == [first, second]
    assert [row.n for row in await kept_site.backend.store.journal.read(workspace)] == [1, 2]


async def test_what_is_more_than_can_wait_is_left_with_the_worker(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PENDING_BYTES", 1000)
    with locked(kept_site):
        for k in range(1, 31):
            await talk.command(Update("d", bytes([k])), workspace)
        await talk.hear("document_update", where=lambda frame: frame.n == 30)
        scripted.open[workspace].unjournaled = tuple(
            JournalEntry(1, n, "d", "a.ipynb", bytes([n]), "solo") for n in range(1, 31)
        )
    await eventually(lambda: answered(talk) == list(range(1, 31)))
    rows = await kept_site.backend.store.journal.read(workspace)
    assert [row.update for row in rows] == [bytes([k]) for k in range(1, 31)]


async def test_what_a_dead_backend_left_unwritten_is_written_by_the_next(
    folder: Path, scripted: ScriptedWorker, kept_site: Site, talk: Talk, workspace: str
) -> None:
    scripted.open[workspace].unjournaled = (JournalEntry(1, 1, "d", "a.ipynb", b"left", "solo"),)
    scripted.event(workspace, Stream("stdout", "takes the number 1"))
    async with running_backend(folder) as other:
        await eventually(lambda: other.backend.workers.workers[0].connected)
        await (await other.talk()).attach(workspace)
        await eventually(lambda: scripted.said(Journaled))
    assert [row.update for row in await kept_site.backend.store.journal.read(workspace)] == [b"left"]


async def test_a_worker_whose_epoch_is_over_is_cut_off(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    await kept_site.backend.store.workspaces.open(workspace, "worker-1", if_epoch=1)
    await talk.command(Update("d", b"lost"), workspace)
    await talk.hear("workspace_closed")
    assert answered(talk) == []
    assert (await talk.attach(workspace)).epoch == 3
    assert scripted.said(CloseWorkspace)[0].epoch == 1
    assert await kept_site.backend.store.journal.read(workspace) == []
    k = await talk.command(Update("d", b"kept"), workspace)
    assert (await talk.answer(k)).epoch == 3


async def test_an_epoch_that_is_over_is_noticed_without_an_edit(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    await eventually(lambda: scripted.said(RenewLease))
    assert scripted.said(RenewLease)[0].content.epochs == {workspace: 1}  # type: ignore[attr-defined]
    await kept_site.backend.store.workspaces.open(workspace, "worker-1", if_epoch=1)
    await talk.hear("workspace_closed")
    await eventually(lambda: scripted.said(CloseWorkspace))


async def test_a_checkpoint_takes_the_place_of_the_journal(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    await talk.answer(await talk.command(Update("d", b"1"), workspace))
    states = (DocumentState("d", "a.ipynb", b"whole state", "12ab"), DocumentState("e", "b.ipynb", b"other"))
    scripted.journal(Frame(content=Checkpoint(states), workspace=workspace, epoch=1, n=1))
    await eventually(lambda: scripted.said(Checkpointed))
    store = kept_site.backend.store
    stored = await store.documents.read(workspace)
    assert [(one.id, one.path, one.state, one.file_digest, one.n) for one in stored] == [
        ("d", "a.ipynb", b"whole state", "12ab", 1),
        ("e", "b.ipynb", b"other", None, 1),
    ]
    assert await store.journal.read(workspace) == []
    scripted.journal(Frame(content=Checkpoint((), removed=("e", "never")), workspace=workspace, epoch=1, n=1))
    await eventually(lambda: len(scripted.said(Checkpointed)) == 2)
    assert [one.id for one in await store.documents.read(workspace)] == ["d"]


async def test_a_checkpoint_of_a_workspace_that_is_not_ours_any_more_is_answered(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    await kept_site.backend.store.workspaces.open(workspace, "worker-1", if_epoch=1)
    checkpoint = Frame(content=Checkpoint((DocumentState("d", "a.ipynb", b"1"),)), workspace=workspace, epoch=1, n=1)
    [connection] = [peer for peer in scripted.peers if not peer.is_bulk]
    connection.say(replace(checkpoint, request=1))
    await eventually(lambda: [frame.request for frame in scripted.said(Refused)] == [1])
    await talk.hear("workspace_closed")
    connection.say(replace(checkpoint, request=2))
    await eventually(lambda: [frame.request for frame in scripted.said(Refused)] == [1, 2])
    await talk.attach(workspace)
    connection.say(replace(checkpoint, request=3))
    await eventually(lambda: [frame.request for frame in scripted.said(Refused)] == [1, 2, 3])
    assert await kept_site.backend.store.documents.read(workspace) == []


async def test_where_a_file_went_is_in_the_journal(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    await talk.answer(await talk.command(Update("d", b"1"), workspace))
    for path in ("b.ipynb", ""):
        scripted.journal(scripted.event(workspace, DocumentMoved("d", path)))
    await eventually(lambda: scripted.said(Journaled)[-1].n == 3)
    rows = await kept_site.backend.store.journal.read(workspace)
    assert [(row.n, row.path, row.update) for row in rows] == [(1, "a.ipynb", b"1"), (2, "b.ipynb", b""), (3, "", b"")]


async def test_edits_of_a_scratch_workspace_are_acknowledged_at_once(kept_site: Site) -> None:
    made = await kept_site.http.json("POST", "/api/workspaces", {"name": "scratch", "kind": "scratch"})
    talk = await kept_site.talk()
    await talk.attach(made["id"])
    with locked(kept_site):
        await talk.answer(await talk.command(Update("d", b"1"), made["id"]))


async def test_a_workspace_that_nobody_is_in_is_let_go(
    kept_site: Site, scripted: ScriptedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "LEASE_SECONDS", 0.02)
    monkeypatch.setattr(worker_pool, "LOOK_SECONDS", 0.02)
    kept = await kept_site.workspace()
    scratch = (await kept_site.http.json("POST", "/api/workspaces", {"name": "scratch", "kind": "scratch"}))["id"]
    talk = await kept_site.talk()
    for workspace in (kept, scratch):
        await talk.attach(workspace)
    scripted.open.clear()
    leases = len(scripted.said(RenewLease))
    await eventually(lambda: len(scripted.said(RenewLease)) > leases + 5)
    assert kept_site.backend.workers.known(kept) is not None
    await talk.close()
    store = kept_site.backend.store.workspaces
    await eventually(lambda: kept_site.backend.workers.known(kept) is None)
    await eventually(lambda: kept_site.backend.workers.known(scratch) is None)

    async def only_the_kept_one() -> bool:
        listed = await store.of_account("solo")
        return [(one.workspace.id, one.workspace.worker) for one in listed] == [(kept, None)]

    await eventually(only_the_kept_one)


async def test_the_next_worker_gets_states_and_journal(
    kept_site: Site, scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    scripted.journal(
        Frame(content=Checkpoint((DocumentState("d", "a.ipynb", b"state"),)), workspace=workspace, epoch=1, n=0)
    )
    await talk.answer(await talk.command(Update("d", b"after"), workspace))
    scripted.open.clear()
    for peer in list(scripted.peers):
        peer.transport.abort()
    await talk.hear("workspace_closed")
    await eventually(lambda: talk.attached(workspace))
    opening = scripted.said(OpenWorkspace)[-1]
    assert opening.epoch == 2
    content = opening.content
    assert isinstance(content, OpenWorkspace)
    assert [(one.document, one.path, one.state) for one in content.documents] == [("d", "a.ipynb", b"state")]
    assert [(one.epoch, one.n, one.update) for one in content.journal] == [(1, 1, b"after")]
    assert content.limits.memory_bytes > 0


async def test_a_workspace_that_its_worker_closed_is_opened_anew(
    scripted: ScriptedWorker, talk: Talk, workspace: str
) -> None:
    closed = Frame(content=WorkspaceClosed("nobody was there"), workspace=workspace, epoch=1)
    scripted.open.clear()
    for peer in scripted.peers:
        for channel in peer.channels:
            peer.say(closed.reply(closed.content, channel=channel))
    assert (await talk.hear("workspace_closed")).content.reason == "nobody was there"  # type: ignore[attr-defined]
    assert (await talk.attach(workspace)).epoch == 2


async def test_a_slow_client_costs_little_and_misses_nothing(
    scripted: ScriptedWorker, talk: Talk, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAXIMUM_BYTES", 500_000)
    talk.pause()
    for number in range(2000):
        scripted.event(workspace, Stream("stdout", f"{number} " * 1000))
    quick = await alive_elsewhere(talk)
    assert quick
    talk.go_on()
    await talk.hear("stream", where=lambda frame: frame.n == 2000)
    numbers = [frame.n for frame in talk.heard if frame.content.type == "stream"]
    assert numbers == list(range(1, 2001))


async def alive_elsewhere(talk: Talk) -> bool:
    """Another client of the same backend is served."""
    other = await Talk.open(talk.address, talk.token)
    await alive(other)
    await other.close()
    return True
