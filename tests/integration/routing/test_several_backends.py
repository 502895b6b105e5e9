"""Several backends and workers: one workspace has one worker, whoever asks; what one backend learns all know."""

from __future__ import annotations

import asyncio
import signal

import pytest

from sagews.database.account_types import AccountType
from sagews.messages.commands import Execute, OpenSession
from sagews.messages.connection import Refused
from sagews.messages.jupyter import ShutdownRequest, Stream
from sagews.messages.workspace import Attached, Update
from tests.integration.backend.talk import Talk, refusal
from tests.integration.backend.test_worksheets import opened, source_of, written
from tests.integration.routing.whole_site import WholeSite, attached_again
from tests.waiting import eventually

pytestmark = [pytest.mark.postgresql, pytest.mark.asyncio(loop_scope="module")]


WAITS_FOR_A_FILE = """
import os, time
while not os.path.exists("go"):
    time.sleep(0.05)
print(y)
"""


def names(attached: Attached) -> set[str]:
    """Who is here, without their accounts."""
    return {person.client.rpartition("/")[2] for person in attached.people}


async def test_backends_that_open_at_once_agree(site: WholeSite) -> None:
    talks = [await site.talk(number % 2) for number in range(6)]
    for _ in range(5):
        workspace = await site.workspace()
        attached = await asyncio.gather(*(talk.attach(workspace) for talk in talks))
        assert {frame.content.type for frame in attached} == {"attached"}
        assert {frame.epoch for frame in attached} == {1}


async def test_workspaces_are_spread_over_the_workers(site: WholeSite) -> None:
    used = set()
    for number in range(4):
        workspace = await site.workspace()
        talk = await site.talk(number % 2)
        await talk.attach(workspace)
        await talk.evaluate(workspace, "1")
        used.add((await site.worker_of(workspace)).number)
    assert used == {0, 1}


async def test_sessions_of_one_account_are_counted_on_all_workers(site: WholeSite) -> None:
    await site.store.account_types.save(AccountType("one", sessions=1))
    _, token = await site.new_account("Sofia", "one")
    opened: dict[int, tuple[Talk, str]] = {}
    for number in range(10):
        made = await site.http(token=token).json("POST", "/api/workspaces", {"name": f"w{number}"})
        talk = await site.talk(number % 2, token)
        await talk.attach(made["id"])
        opened[(await site.worker_of(made["id"])).number] = (talk, made["id"])
        if len(opened) == 2:
            break
    (here, first), (there, second) = opened[0], opened[1]
    assert await here.evaluate(first, "print(1)") == "1\n"
    refused = await eventually(lambda: refused_session(there, second))
    assert refused is not None
    assert (refused.code, refused.what_to_do) == ("over_limit", "Shut one of them down.")
    assert "may have 1 session at once, and has 1 already (1 of them on other workers)" in refused.what
    await site.workers[0].kill(signal.SIGKILL)
    await eventually(lambda: session_starts(there, second), within_seconds=20)


async def session_starts(talk: Talk, workspace: str) -> bool:
    return (await talk.obeyed(OpenSession("python"), workspace, "s")).content.type == "acknowledged"


async def refused_session(talk: Talk, workspace: str) -> Refused | None:
    """Why no session opens; one that does, because its worker has not heard of the others yet, is ended."""
    said = len(talk.heard)
    answer = await talk.obeyed(OpenSession("python"), workspace, "s")
    if isinstance(answer.content, Refused):
        return answer.content
    await talk.obeyed(ShutdownRequest(), workspace, "s")
    await talk.hear("session_ended", after=said)
    return None


async def test_messages_reach_clients_on_every_backend_in_one_order(site: WholeSite) -> None:
    workspace = await site.workspace()
    here, there = await site.talk(0), await site.talk(1)
    await asyncio.gather(here.attach(workspace), there.attach(workspace))
    await here.evaluate(workspace, "for i in range(100): print(i, flush=True)")
    await there.hear("run_ended")
    for talk in (here, there):
        text = "".join(frame.content.text for frame in talk.heard if isinstance(frame.content, Stream))
        assert text == "".join(f"{i}\n" for i in range(100))
    numbers = [[frame.n for frame in talk.heard if isinstance(frame.content, Stream)] for talk in (here, there)]
    assert numbers[0] == numbers[1]


async def test_a_worker_that_dies_loses_no_acknowledged_edit(site: WholeSite) -> None:
    workspace = await site.workspace()
    here, there = await site.talk(0), await site.talk(1)
    await here.attach(workspace)
    await there.attach(workspace)
    document, copy = await opened(here, workspace)
    for number in range(20):
        await here.answer(await here.command(Update(document, written(copy, f"x{number}\n")), workspace))
    worker, marks = await site.worker_of(workspace), (len(here.heard), len(there.heard))
    await worker.kill()
    for talk, mark in zip((here, there), marks, strict=True):
        await talk.hear("workspace_closed", after=mark)
    attached = await asyncio.gather(attached_again(here, workspace), attached_again(there, workspace))
    assert attached[0].epoch == attached[1].epoch == 2
    assert (await site.worker_of(workspace)).number == 1 - worker.number
    for frame in attached:
        assert source_of(frame, document) == "".join(f"x{number}\n" for number in range(20))
    assert await here.evaluate(workspace, "print(6 * 7)") == "42\n"


async def test_a_worker_that_is_cut_off_is_shut_out_and_told_when_it_comes_back(site: WholeSite) -> None:
    workspace = await site.workspace()
    talk = await site.talk(0)
    await talk.attach(workspace)
    document, copy = await opened(talk, workspace)
    await talk.answer(await talk.command(Update(document, written(copy, "kept")), workspace))
    worker = await site.worker_of(workspace)
    assert worker.process is not None
    # Its connections stay; it says nothing any more, as one whose machine is cut off.
    worker.process.send_signal(signal.SIGSTOP)
    try:
        await talk.hear("workspace_closed")
        attached = await attached_again(talk, workspace)
        assert (attached.epoch, source_of(attached, document)) == (2, "kept")
        assert (await site.worker_of(workspace)).number == 1 - worker.number
    finally:
        worker.process.send_signal(signal.SIGCONT)
    await eventually(lambda: f'"opening_over", "workspace": "{workspace}"' in log_of(site), within_seconds=20)
    await talk.answer(await talk.command(Update(document, written(copy, " and more")), workspace))


def log_of(site: WholeSite) -> str:
    """What the backends said."""
    return "".join(backend.log.read_text() for backend in site.backends)


async def test_a_backend_that_dies_takes_its_people_with_it_and_nothing_else(site: WholeSite) -> None:
    workspace = await site.workspace()
    here, there = await site.talk(0, client="here"), await site.talk(1, client="there")
    assert isinstance((await here.attach(workspace)).content, Attached)
    content = (await there.attach(workspace)).content
    assert isinstance(content, Attached)
    assert names(content) == {"here", "there"}
    await here.hear("person_came")
    await there.evaluate(workspace, "x = 7")
    await site.backends[1].kill()
    left = await here.hear("person_left")
    assert left.content.client.endswith("there")  # type: ignore[attr-defined]
    again = await site.talk(0, client="there")
    attached = await again.attach(workspace, (there.epoch, max(frame.n for frame in there.heard)))
    assert isinstance(attached.content, Attached)
    assert attached.content.how == "resumed"
    assert names(attached.content) == {"here", "there"}
    assert await here.evaluate(workspace, "print(x)") == "7\n"
    await there.ended()


async def test_a_permission_that_another_backend_takes_away_is_gone_at_once(site: WholeSite) -> None:
    workspace = await site.workspace()
    account, token = await site.collaborator(workspace)
    owner, other = await site.talk(0, client="owner"), await site.talk(1, token)
    await owner.attach(workspace)
    await other.attach(workspace)
    path = f"/api/workspaces/{workspace}/permissions"
    mark = len(other.heard)
    await site.http(0).json("PATCH", path, {"account": account, "role": "reader"})
    await owner.hear("person_came", where=lambda frame: frame.content.person.role == "reader")  # type: ignore[attr-defined]
    await other.hear("attached", after=mark)
    await site.http(0).json("PATCH", path, {"account": account, "role": None})
    # It says nothing and nothing is said to it: only the notice can end it.
    assert refusal(await other.hear("refused")) == "not_found"
    await owner.hear("person_left")


async def test_who_is_disabled_or_signed_out_is_cut_off_on_every_backend(site: WholeSite) -> None:
    account, token = await site.new_account("Emmy")
    disabled = await site.talk(1, token)
    await site.http(0).json("PATCH", f"/api/accounts/{account}", {"disabled": True})
    await disabled.ended()
    made = await site.http(0).json("POST", "/api/tokens", {"name": "script"})
    signed_out, stays = await site.talk(1, made["secret"]), await site.talk(1)
    await site.http(0).json("DELETE", f"/api/tokens/{made['token']['id']}")
    await signed_out.ended()
    workspace = await site.workspace()
    await stays.attach(workspace)
    assert await stays.evaluate(workspace, "print(1)") == "1\n"


async def test_a_workspace_that_another_backend_deletes_ends_at_once(site: WholeSite) -> None:
    workspace = await site.workspace()
    here, there = await site.talk(0), await site.talk(1)
    await here.attach(workspace)
    await there.attach(workspace)
    await site.http(0).json("DELETE", f"/api/workspaces/{workspace}")
    for talk in (here, there):
        await talk.hear("workspace_closed", "refused")
        assert refusal(await talk.attach(workspace)) == "not_found"


async def test_a_drained_worker_hands_its_workspaces_on(site: WholeSite) -> None:
    quiet, busy = await site.workspace(), await site.workspace()
    talk, runner = await site.talk(0), await site.talk(1)
    await talk.attach(quiet)
    document, copy = await opened(talk, quiet)
    await talk.answer(await talk.command(Update(document, written(copy, "kept")), quiet))
    worker = await site.worker_of(quiet)
    await drained_all_but(site, worker.number)
    await runner.attach(busy)
    await runner.evaluate(busy, "y = 5")
    assert (await site.worker_of(busy)).number == worker.number
    mark = len(runner.heard)
    await runner.obeyed(Execute(WAITS_FOR_A_FILE), busy, "s")
    await runner.hear("run_started", after=mark)
    await site.use_all_workers()
    await drained(site, worker.number)
    await talk.hear("workspace_closed")
    assert source_of(await attached_again(talk, quiet), document) == "kept"
    assert (await site.worker_of(quiet)).number != worker.number
    await another_goes_elsewhere(site, worker.number)
    # What runs is left alone until it is over.
    assert all(frame.content.type != "workspace_closed" for frame in runner.heard)
    mark = len(runner.heard)
    assert (await site.http(0)("PUT", f"/api/workspaces/{busy}/files/go", body=b"")).code == 204
    await runner.hear("run_ended", after=mark)
    assert [f.content.text for f in runner.heard if isinstance(f.content, Stream)][-1] == "5\n"
    await runner.hear("workspace_closed")
    await attached_again(runner, busy)
    assert (await site.worker_of(busy)).number != worker.number

    async def is_empty() -> bool:
        listed = (await site.http(1).json("GET", "/api/admin/workers"))["workers"]
        [told] = [one for one in listed if one["id"] == f"worker:{worker.number}"]
        return (told["state"], told["workspaces"]) == ("draining", 0)

    await eventually(is_empty)


async def test_what_a_backend_opened_that_is_gone_is_left_too(site: WholeSite) -> None:
    workspace, talk = await site.workspace(), await site.talk(0)
    await talk.attach(workspace)
    worker = await site.worker_of(workspace)
    await site.backends[0].kill(signal.SIGKILL)
    await site.http(1).json("POST", f"/api/admin/workers/worker:{worker.number}/drain")

    async def is_empty() -> bool:
        return f"worker:{worker.number}" not in await site.store.workspaces.count_by_worker()

    await eventually(is_empty)


async def drained(site: WholeSite, number: int) -> None:
    """Take a worker out of use."""
    await site.http(1).json("POST", f"/api/admin/workers/worker:{number}/drain")


async def drained_all_but(site: WholeSite, number: int) -> None:
    """Take the other workers out of use."""
    for worker in site.workers:
        if worker.number != number:
            await drained(site, worker.number)


async def another_goes_elsewhere(site: WholeSite, number: int) -> None:
    """A new workspace, through each backend."""
    for backend in range(2):
        workspace = await site.workspace()
        await (await site.talk(backend)).attach(workspace)
        assert (await site.worker_of(workspace)).number != number


async def test_the_last_worker_is_not_drained(site: WholeSite) -> None:
    await drained(site, 0)
    assert await site.http(0).error("POST", "/api/admin/workers/worker:1/drain") == (409, "conflict")
    assert await site.http(0).error("POST", "/api/admin/workers/worker:7/drain") == (404, "not_found")
    await site.store.account_types.ensure("standard")
    _, token = await site.new_account("Emmy", "standard")
    assert await site.http(0, token).error("POST", "/api/admin/workers/worker:0/undrain") == (403, "not_allowed")
    assert await site.http(0, token).error("GET", "/api/admin/backends") == (403, "not_allowed")


async def test_a_worker_that_stops_hands_its_workspaces_on(site: WholeSite) -> None:
    workspace = await site.workspace()
    talk = await site.talk()
    await talk.attach(workspace)
    worker = await site.worker_of(workspace)
    await worker.kill(signal.SIGTERM)
    await talk.hear("workspace_closed")
    await attached_again(talk, workspace)
    assert (await site.worker_of(workspace)).number != worker.number


async def test_workers_and_backends_are_listed(site: WholeSite) -> None:
    async def listed() -> bool:
        told = await site.http().json("GET", "/api/admin/workers")
        assert [(one["id"], one["state"], one["connected"]) for one in told["workers"]] == [
            ("worker:0", "ready", True),
            ("worker:1", "ready", True),
        ]
        backends = (await site.http().json("GET", "/api/admin/backends"))["backends"]
        assert [(one["id"], f"https://{one['address']}") for one in backends] == [
            (f"backend:{number}", site.address(number)) for number in range(2)
        ]
        return True

    await eventually(listed)
    await site.backends[0].kill(signal.SIGTERM)
    assert [one.id for one in await site.store.backends.all()] == ["backend:1"]
