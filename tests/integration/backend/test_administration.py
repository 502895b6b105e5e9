"""What the site's operator sees and does over HTTP, and that nobody else can."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sagews.database.choices import TokenKind
from sagews.database.log import NewRecord
from sagews.messages.commands import Execute, OpenSession
from sagews.messages.room import Room
from tests.integration.backend.running import Site, running_backend
from tests.integration.backend.scripted_worker import ScriptedWorker
from tests.integration.backend.talk import Http
from tests.waiting import eventually

OPERATIONS = [
    ("GET", "/api/admin/site"),
    ("GET", "/api/admin/workers"),
    ("GET", "/api/admin/backends"),
    ("GET", "/api/admin/accounts"),
    ("GET", "/api/admin/workspaces"),
    ("GET", "/api/admin/log"),
    ("GET", "/api/admin/deleted-workspaces"),
    ("POST", "/api/admin/deleted-workspaces/w/restore"),
    ("POST", "/api/admin/workers/worker:0/drain"),
    ("POST", "/api/admin/workers/worker:0/undrain"),
    ("DELETE", "/api/admin/workspaces/w/sessions/s"),
]


async def ordinary(site: Site, name: str = "Emmy") -> tuple[str, Http]:
    """An account that does not administer the site: its id, and requests in its name."""
    store = site.backend.store
    await store.account_types.ensure("standard")
    account = (await store.accounts.create(name, "standard")).id
    token = (await store.tokens.create(account, TokenKind.API)).secret
    return account, Http(site.address, {"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_only_the_operator_is_answered(site: Site, method: str, path: str) -> None:
    _, http = await ordinary(site)
    assert await http.error(method, path) == (403, "not_allowed")
    assert await Http(site.address, {"X-Sagews": "1"}).error(method, path) == (401, "not_signed_in")


async def test_every_operation_of_administration_is_tried_by_somebody_else(site: Site) -> None:
    described = await Http(site.address).json("GET", "/api/openapi.json")
    declared = {(method.upper(), path) for path, one in described["paths"].items() for method in one}
    admin = {(method, path) for method, path in declared if path.startswith("/api/admin/")}
    assert len(admin) == len(OPERATIONS)


async def test_the_state_of_the_site_says_what_is_there_and_what_is_not(site: Site) -> None:
    await eventually(site.backend.store.backends.all)
    state = await site.http.json("GET", "/api/admin/site")
    assert (state["solo"], state["accounts"]) == (True, 1)
    assert (state["database"]["kind"], state["database"]["migration_pending"]) == ("sqlite", False)
    assert state["database"]["size_bytes"] > 0
    assert state["log_server"]["there"] is False
    assert state["workers"] == []
    (backend,) = state["backends"]
    assert (backend["id"], backend["answers"]) == (state["myself"]["id"], True)
    assert state["machine"]["disk_free_bytes"] > 0
    assert state["myself"]["up_seconds"] >= 0


async def test_the_certificate_s_end_is_told(working_site: Site) -> None:
    ends = datetime.fromisoformat(
        (await working_site.http.json("GET", "/api/admin/site"))["myself"]["certificate_ends"]
    )
    assert ends > datetime.now(UTC) + timedelta(days=21)
    metrics = (await Http(working_site.address)("GET", "/metrics")).body.decode()
    (line,) = (line for line in metrics.splitlines() if line.startswith("sagews_certificate_ends_seconds"))
    assert float(line.split()[1]) == ends.timestamp()


async def test_a_migration_that_another_program_made_is_told(site: Site) -> None:
    async with site.backend.store._transactions.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database = (await site.http.json("GET", "/api/admin/site"))["database"]
    assert (database["tables"], database["migration_pending"]) == ("9999", True)


async def test_a_worker_s_sessions_are_seen_and_ended(working_site: Site) -> None:
    site, workspace = working_site, await working_site.workspace("Knots")
    talk = await site.talk()
    await talk.attach(workspace)
    await talk.obeyed(OpenSession("python"), workspace, "s")
    await talk.obeyed(Execute("import time; time.sleep(1000)"), workspace, "s")

    async def busy() -> Any:
        (one,) = (await site.http.json("GET", "/api/admin/workspaces"))["workspaces"]
        return one if one["sessions"] and one["sessions"][0]["state"] == "busy" else None

    shown = await eventually(busy)
    assert (shown["name"], shown["owner_name"], shown["worker"]) == ("Knots", "You", "worker:0")
    assert (shown["people"], shown["sessions"][0]["session"]) == (1, "s")

    async def counted() -> bool:
        workers = (await site.http.json("GET", "/api/admin/site"))["workers"]
        return bool(workers and workers[0]["connected"] and workers[0]["sessions"] == 1)

    await eventually(counted)
    await site.http("DELETE", f"/api/admin/workspaces/{workspace}/sessions/s")
    ended = await talk.hear("session_ended")
    assert ended.content.code == "operator"  # type: ignore[attr-defined]
    assert "operator" in ended.content.reason  # type: ignore[attr-defined]
    assert (await site.backend.store.activity.latest())[0].action == "session_ended"
    again = await site.http.error("DELETE", f"/api/admin/workspaces/{workspace}/sessions/s")
    assert again == (404, "not_found")


async def test_a_worker_is_listed_also_where_its_room_comes_with_its_welcome(
    folder: Path, scripted: ScriptedWorker
) -> None:
    scripted.room = Room(7, sessions=2)
    async with running_backend(folder) as site:

        async def listed() -> Any:
            workers = (await site.http.json("GET", "/api/admin/site"))["workers"]
            return workers[0] if workers else None

        worker = await eventually(listed)
        assert (worker["id"], worker["capacity"], worker["sessions"]) == ("worker:0", 7, 2)


async def test_a_worker_that_does_not_answer_is_named(site: Site) -> None:
    answer = await site.http.json("GET", "/api/admin/workspaces")
    assert answer == {"workspaces": [], "silent": ["worker:0"]}
    workspace = await site.workspace()
    assert await site.http.error("DELETE", f"/api/admin/workspaces/{workspace}/sessions/s") == (404, "not_found")


async def test_people_are_found_by_any_of_their_names(site: Site) -> None:
    for name in ("Emmy@Example.org", "ada@example.org"):
        await site.http.json("POST", "/api/accounts", {"name": name, "password": "noether-1882"})
    all_of_them = await site.http.json("GET", "/api/admin/accounts")
    assert (all_of_them["found"], len(all_of_them["accounts"])) == (3, 3)
    assert "standard" in all_of_them["account_types"]
    found = (await site.http.json("GET", "/api/admin/accounts?text=EMMY%20example"))["accounts"]
    assert [(one["name"], one["sign_in"]) for one in found] == [("Emmy@Example.org", ["emmy@example.org"])]
    await site.http.json("PATCH", f"/api/accounts/{found[0]['id']}", {"disabled": True})
    noted = [(one.action, one.account) for one in await site.backend.store.activity.latest()]
    assert noted == [("account_disabled", "solo"), ("account_made", "solo"), ("account_made", "solo")]
    disabled = await site.http.json("GET", "/api/admin/accounts?state=disabled")
    assert [one["id"] for one in disabled["accounts"]] == [found[0]["id"]]
    few = await site.http.json("GET", "/api/admin/accounts?limit=1")
    assert (few["found"], len(few["accounts"])) == (3, 1)
    assert await site.http.json("GET", "/api/admin/accounts?text=%25") == {**few, "found": 0, "accounts": []}


async def test_an_account_s_type_is_changed_and_takes_effect(site: Site) -> None:
    store, (account, http) = site.backend.store, await ordinary(site)
    await store.account_types.ensure("operator")
    await site.http.json("PATCH", f"/api/accounts/{account}", {"account_type": "operator"})
    assert (await http("GET", "/api/admin/site")).code == 200
    own = await http.error("PATCH", f"/api/accounts/{account}", {"account_type": "standard"})
    assert own == (409, "conflict")
    assert await site.http.error("PATCH", f"/api/accounts/{account}", {"account_type": "no"}) == (409, "conflict")
    await site.http.json("PATCH", f"/api/accounts/{account}", {"account_type": "standard"})
    assert await http.error("GET", "/api/admin/site") == (403, "not_allowed")


async def test_a_solo_site_says_that_it_keeps_no_log(site: Site) -> None:
    assert await site.http.json("GET", "/api/admin/log") == {"kept": False, "records": []}


async def test_the_log_is_read_by_what_is_asked(site: Site) -> None:
    now = datetime.now(UTC)
    records = [
        NewRecord("p", 1, now - timedelta(hours=2), "worker", 0, "localhost", 20, "sagews.worker", "Session started"),
        NewRecord("p", 2, now - timedelta(hours=1), "worker", 1, "localhost", 40, "sagews.worker", "Zygote died"),
        NewRecord("q", 1, now, "backend", 0, "localhost", 30, "sagews.backend", "Worker lost", workspace="w"),
    ]
    await site.backend.store.log.append(records)
    whole = dataclasses.replace(site.configuration, site=dataclasses.replace(site.configuration.site, profile="site"))
    object.__setattr__(site.backend, "configuration", whole)

    async def events(query: str) -> list[str]:
        answer = await site.http.json("GET", f"/api/admin/log?{query}")
        assert answer["kept"]
        return [one["event"] for one in answer["records"]]

    since = (now - timedelta(minutes=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert await events("") == ["Worker lost", "Zygote died", "Session started"]
    assert await events("component=worker") == ["Zygote died", "Session started"]
    assert await events("component=worker:1") == ["Zygote died"]
    assert await events("level=warning") == ["Worker lost", "Zygote died"]
    assert await events(f"since={since}") == ["Worker lost", "Zygote died"]
    assert await events("workspace=w") == ["Worker lost"]
    assert await events("text=zygote") == ["Zygote died"]
    assert await events("limit=1") == ["Worker lost"]
    assert await events("since=9999-12-31T23:59:59-12:00") == []
    assert len(await events("since=0001-01-01T00:00:00%2B12:00")) == 3
    for wrong in (
        "component=x:y",
        "level=loud",
        "since=yesterday",
        "since=0.5",
        "until=2026-01-31T14:30:00",
        "limit=0",
    ):
        assert (await site.http.error("GET", f"/api/admin/log?{wrong}"))[0] == 400
