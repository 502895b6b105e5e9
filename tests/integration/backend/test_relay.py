"""What is said between clients and a worker through a backend."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sagews.backend.placement import PAUSES
from sagews.backend.rights import FRESH_SECONDS
from sagews.database.choices import Role
from sagews.messages import Frame
from sagews.messages.commands import Execute, OpenSession
from sagews.messages.connection import Hello, Ping
from sagews.messages.jupyter import CompleteRequest
from sagews.messages.workspace import Detach, DocumentUpdate, Update
from tests.integration.backend.running import Program, Site, running_backend, someone_else
from tests.integration.backend.talk import refusal
from tests.waiting import eventually


async def test_code_is_evaluated(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    attached = await talk.attach(workspace)
    assert attached.content.how == "snapshot"  # type: ignore[attr-defined]
    assert await talk.evaluate(workspace, "print(6 * 7)") == "42\n"


async def test_a_ping_is_answered(site: Site) -> None:
    talk = await site.talk()
    await talk.say(Frame(content=Ping(), request=7))
    assert (await talk.hear("pong")).request == 7


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type": "nothing"}', '{"type": "update"}', '{"type": 1}', "\ud800"])
async def test_nonsense_is_refused_and_nothing_else_happens(site: Site, text: str) -> None:
    talk = await site.talk()
    await talk.socket.write_message(text.encode("utf-8", "replace").decode())
    assert refusal(await talk.hear("refused")) == "bad_message"
    await talk.say(Frame(content=Ping()))
    await talk.hear("pong")


async def test_what_only_servers_say_is_refused(site: Site) -> None:
    talk = await site.talk()
    await talk.say(Frame(content=DocumentUpdate("d", b""), workspace="w", n=1))
    refused = await talk.hear("refused")
    assert refused.content.refused == "document_update"  # type: ignore[attr-defined]
    await talk.say(Frame(content=Hello(1, 1, "test", "backend")))
    await talk.hear("refused", after=2)


async def test_a_workspace_must_be_followed_first(site: Site) -> None:
    workspace = await site.workspace()
    talk = await site.talk()
    await talk.say(Frame(content=Update("d", b""), workspace=workspace, k=1))
    assert refusal(await talk.hear("refused")) == "not_found"


async def test_a_strangers_workspace_is_not_there(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk(token=await someone_else(working_site, workspace, None))
    assert refusal(await talk.attach(workspace)) == "not_found"
    assert refusal(await talk.attach("nothing")) == "not_found"


async def test_a_reader_reads_only(working_site: Site) -> None:
    workspace = await working_site.workspace()
    owner = await working_site.talk()
    await owner.attach(workspace)
    reader = await working_site.talk(token=await someone_else(working_site, workspace, Role.READER))
    await reader.attach(workspace)
    await owner.evaluate(workspace, "print('for everybody')")
    heard = await reader.hear("stream")
    assert heard.content.text == "for everybody\n"  # type: ignore[attr-defined]
    for content in (Update("d", b""), Execute("1"), OpenSession("python")):
        assert refusal(await reader.obeyed(content, workspace, "s")) == "not_allowed"
    await reader.say(Frame(content=CompleteRequest("a", 1), workspace=workspace, session="s", request=5))
    assert refusal(await reader.hear("refused", where=lambda frame: frame.request == 5)) == "not_allowed"


async def test_a_role_that_is_taken_away_is_gone_within_a_second(working_site: Site) -> None:
    workspace = await working_site.workspace()
    owner = await working_site.talk()
    await owner.attach(workspace)
    other = await working_site.talk(token=await someone_else(working_site, workspace, Role.COLLABORATOR))
    await other.attach(workspace)
    assert await other.evaluate(workspace, "print(1)") == "1\n"
    for one in await working_site.backend.store.permissions.of_workspace(workspace):
        if one.account != "solo":
            await working_site.backend.store.permissions.revoke(workspace, one.account)
    await asyncio.sleep(FRESH_SECONDS)
    assert refusal(await other.obeyed(Execute("2"), workspace, "s")) == "not_found"
    heard = len(other.heard)
    await owner.evaluate(workspace, "print('not for you')")
    assert all(frame.content.type != "stream" for frame in other.heard[heard:])


async def test_who_signs_out_hears_no_more(working_site: Site) -> None:
    workspace = await working_site.workspace()
    made = await working_site.http.json("POST", "/api/tokens", {"name": "script"})
    talk = await working_site.talk(token=made["secret"])
    await talk.attach(workspace)
    await working_site.http.json("DELETE", f"/api/tokens/{made['token']['id']}")
    await talk.ended()


async def test_a_client_that_comes_back_hears_the_rest_once(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk("tab")
    await talk.attach(workspace)
    await talk.evaluate(workspace, "import sys")
    last = max(frame.n for frame in talk.heard)
    await talk.obeyed(Execute("for i in range(50): print(i, flush=True)"), workspace, "s")
    await talk.close()
    again = await working_site.talk("tab")
    attached = await again.attach(workspace, (talk.epoch, last))
    assert attached.content.how == "resumed"  # type: ignore[attr-defined]
    assert attached.content.k == 3  # type: ignore[attr-defined]
    await again.hear("run_ended")
    numbers = [frame.n for frame in again.heard if frame.n and frame.content.type != "attached"]
    assert numbers == list(range(last + 1, last + 1 + len(numbers)))
    text = "".join(f.content.text for f in again.heard if f.content.type == "stream")  # type: ignore[attr-defined]
    assert text == "".join(f"{i}\n" for i in range(50))


async def test_a_number_is_obeyed_once(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk("tab")
    await talk.attach(workspace)
    await talk.obeyed(OpenSession("python"), workspace, "s")
    k = await talk.command(Execute("print('once')"), workspace, "s")
    first = await talk.answer(k)
    again = await working_site.talk("tab")
    await again.attach(workspace)
    command = Frame(content=Execute("print('once')"), workspace=workspace, session="s", epoch=talk.epoch, k=k)
    await again.say(replace(command, client="tab"))
    assert (await again.answer(k)).content == first.content
    await talk.evaluate(workspace, "print('end')")
    assert [f.content.text for f in talk.heard if f.content.type == "stream"] == ["once\n", "end\n"]  # type: ignore[attr-defined]


async def test_nobody_uses_the_numbers_of_another_account(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk("tab")
    await talk.attach(workspace)
    await talk.obeyed(OpenSession("python"), workspace, "s")
    token = await someone_else(working_site, workspace, Role.COLLABORATOR)
    other = await working_site.talk("tab", token)
    assert (await other.attach(workspace)).content.k == 0  # type: ignore[attr-defined]


async def test_after_detaching_nothing_comes(working_site: Site) -> None:
    workspace = await working_site.workspace()
    quiet, talk = await working_site.talk(), await working_site.talk()
    await quiet.attach(workspace)
    await talk.attach(workspace)
    await quiet.say(Frame(content=Detach(), workspace=workspace))
    await quiet.hear("done")
    heard = len(quiet.heard)
    await talk.evaluate(workspace, "print(1)")
    assert quiet.heard[heard:] == []


async def test_two_backends_tell_the_same(folder: Path, worker: Program) -> None:
    async with (
        running_backend(folder, pauses_seconds=PAUSES) as site,
        running_backend(folder, pauses_seconds=PAUSES) as other,
    ):
        workspace = await site.workspace()
        here, there = await site.talk(), await other.talk()
        attached = await asyncio.gather(here.attach(workspace), there.attach(workspace))
        assert attached[0].epoch == attached[1].epoch
        await here.evaluate(workspace, "print('hello')")
        await there.hear("run_ended")
        events = [
            [(frame.n, frame.content.type) for frame in talk.heard if frame.n and frame.content.type != "attached"]
            for talk in (here, there)
        ]
        assert events[0][:7] == events[1][:7]
        assert len(events[0]) >= 7


async def test_a_worker_that_died_is_replaced_under_its_clients(working_site: Site, worker: Program) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    assert await talk.evaluate(workspace, "print(1)") == "1\n"
    heard = len(talk.heard)
    await worker.kill()
    (worker.folder / "data" / "run" / "worker.0" / "status.json").unlink()
    k = await talk.command(Execute("print('never')"), workspace, "s")
    await worker.start((worker.folder / "data" / "run" / "worker.0" / "status.json").exists)
    await talk.hear("workspace_closed", after=heard)
    assert refusal(await talk.answer(k)) == "fenced"
    old = talk.epoch
    attached = await eventually(lambda: talk.attached(workspace), within_seconds=30)
    assert isinstance(attached, Frame)
    assert attached.epoch > old
    assert attached.content.how == "snapshot"  # type: ignore[attr-defined]
    late = Frame(content=Execute("print('never')"), workspace=workspace, session="s", epoch=old, client=talk.client)
    await talk.say(replace(late, k=k))
    assert refusal(await talk.answer(k)) == "fenced"
    assert await talk.evaluate(workspace, "print(2)") == "2\n"


async def test_a_deleted_workspace_ends(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "print(1)")
    heard = len(talk.heard)
    await working_site.http.json("DELETE", f"/api/workspaces/{workspace}")
    await talk.hear("workspace_closed", after=heard)
    assert refusal(await talk.attach(workspace)) == "not_found"
    await eventually(lambda: working_site.backend.workers.known(workspace) is None)


async def test_sessions_are_listed_and_ended(working_site: Site) -> None:
    workspace = await working_site.workspace()
    path = f"/api/workspaces/{workspace}/sessions"
    assert await working_site.http.json("GET", path) == {"sessions": []}
    talk = await working_site.talk()
    await talk.attach(workspace)
    await talk.evaluate(workspace, "print(1)")
    [session] = (await working_site.http.json("GET", path))["sessions"]
    assert (session["session"], session["environment"]) == ("s", "python")
    await working_site.http.json("DELETE", f"{path}/s")
    await talk.hear("session_ended")
    assert await working_site.http.error("DELETE", f"{path}/s") == (404, "not_found")
