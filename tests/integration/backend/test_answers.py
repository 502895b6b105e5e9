"""What HTTP answers look like: pages, headers, errors, health, metrics."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sagews.backend.declaration import JSON_BODY_BYTES
from tests.integration.backend.running import Site
from tests.integration.backend.talk import Http, closed


@pytest.mark.parametrize("path", ["/", "/workspaces", "/workspaces/abc/a%20b.ipynb", "/sign-in"])
async def test_every_page_is_the_application_on_a_strict_policy(site: Site, path: str) -> None:
    answer = await Http(site.address)("GET", path)
    assert answer.code == 200
    assert b"Sage Workspaces" in answer.body
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert f"ws://127.0.0.1:{site.port}" in policy["connect-src"]
    assert policy["frame-ancestors"] == "'self'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_hashed_files_are_kept_for_ever(site: Site) -> None:
    answer = await Http(site.address)("GET", "/static/app-1A2B3C4D.js")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    other = await Http(site.address)("GET", "/static/sockjs.min.js")
    assert other.headers["Cache-Control"] == "no-cache"
    again = await Http(site.address)("GET", "/static/sockjs.min.js", headers={"If-None-Match": other.headers["Etag"]})
    assert again.code == 304


async def test_active_html_is_sandboxed_away_from_the_site(site: Site) -> None:
    policy = (await Http(site.address)("GET", "/static/frame.html")).headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/api/nothing", "/static/nothing.js", "/static/.secret", "/static/../sagews.toml",
     "/static/%2e%2e/sagews.toml", "/static/..%2fsagews.toml", "/static/%00", "/api/workspaces/nothing"],
)  # fmt: skip
async def test_what_is_not_there(site: Site, path: str) -> None:
    status, _ = await site.http.error("GET", path)
    assert status in (403, 404)


async def test_other_methods_are_named(site: Site) -> None:
    answer = await site.http("PUT", "/api/workspaces", body="")
    assert answer.code == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert json.loads(answer.body)["error"]["code"] == "usage"
    assert (await site.http.error("OPTIONS", "/api/me"))[0] == 405


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", (400, "bad_message")),
        ("{", (400, "bad_message")),
        ('{"name": 1}', (400, "usage")),
        ('{"name": ""}', (400, "usage")),
        ('{"name": "a", "colour": "red"}', (400, "usage")),
        ("[]", (400, "usage")),
        ("\xff", (400, "bad_message")),
        ("[" * 5000, (400, "bad_message")),
        ('{"name": "' + "x" * JSON_BODY_BYTES + '"}', (413, "too_large")),
    ],
)
async def test_wrong_bodies(site: Site, body: str, expected: tuple[int, str]) -> None:
    headers = {"Content-Type": "application/json"}
    assert await site.http.error("POST", "/api/workspaces", body=body.encode("latin-1"), headers=headers) == expected


async def test_another_content_type(site: Site) -> None:
    headers = {"Content-Type": "text/plain"}
    assert await site.http.error("POST", "/api/workspaces", body='{"name": "a"}', headers=headers) == (
        415,
        "bad_message",
    )


async def test_a_body_that_is_far_too_large_is_refused_at_once(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(
        f"POST /api/workspaces HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {10**15}\r\n\r\n".encode()
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer
    writer.close()
    await closed(writer)


async def test_workspaces_are_made_renamed_and_deleted(site: Site) -> None:
    made = await site.http.json("POST", "/api/workspaces", {"name": "Zahlen \u0000 \U0001f600"})
    assert made["role"] == "owner"
    path = f"/api/workspaces/{made['id']}"
    assert await site.http.error("POST", "/api/workspaces", {"name": made["name"]}) == (409, "conflict")
    assert (await site.http.json("PATCH", path, {"name": "Numbers"}))["name"] == "Numbers"
    assert [one["name"] for one in (await site.http.json("GET", "/api/workspaces"))["workspaces"]] == ["Numbers"]
    await site.http.json("DELETE", path)
    assert await site.http.error("GET", path) == (404, "not_found")
    assert (await site.http.json("GET", "/api/workspaces"))["workspaces"] == []


async def test_a_workspace_is_nothing_to_a_stranger(site: Site) -> None:
    workspace = await site.workspace()
    emmy = await site.backend.store.identities.create_account("Emmy", "noether-1882", account_type="solo")
    signed_in = await Http(site.address, {"X-Sagews": "1"})(
        "POST", "/api/sign-in", {"name": "Emmy", "password": "noether-1882"}
    )
    http = Http(site.address, {"Cookie": signed_in.headers["Set-Cookie"].partition(";")[0], "X-Sagews": "1"})
    path = f"/api/workspaces/{workspace}"
    for method, where, body in [
        ("GET", path, None), ("PATCH", path, {"name": "x"}), ("DELETE", path, None),
        ("GET", f"{path}/files", None), ("GET", f"{path}/files/a", None), ("DELETE", f"{path}/files/a", None),
        ("GET", f"{path}/sessions", None), ("GET", f"{path}/permissions", None), ("GET", f"{path}/runs/r/output", None),
    ]:  # fmt: skip
        assert await http.error(method, where, body) == (404, "not_found")
    await site.http.json("PATCH", f"{path}/permissions", {"account": emmy.id, "role": "reader"})
    assert (await http.json("GET", path))["role"] == "reader"
    assert await http.error("PATCH", path, {"name": "x"}) == (403, "not_allowed")
    assert await http.error("DELETE", f"{path}/files/a") == (403, "not_allowed")
    await site.http.json("PATCH", f"{path}/permissions", {"account": emmy.id, "role": None})
    assert await http.error("GET", path) == (404, "not_found")


async def test_preferences_are_kept(site: Site) -> None:
    changed = await site.http.json("PATCH", "/api/preferences", {"preferences": {"theme": "dark", "size": 14}})
    assert changed == {"preferences": {"theme": "dark", "size": 14}}
    await site.http.json("PATCH", "/api/preferences", {"preferences": {"size": None}})
    assert await site.http.json("GET", "/api/preferences") == {"preferences": {"theme": "dark"}}


async def test_metrics_are_for_this_machine_and_the_operator(site: Site) -> None:
    await site.http.json("GET", "/api/me")
    answer = await Http(site.address)("GET", "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert any(sample.value >= 1 for sample in families["sagews_http_requests"].samples)
    forwarded = {"X-Forwarded-For": "192.0.2.1"}
    assert await Http(site.address).error("GET", "/metrics", headers=forwarded) == (403, "not_allowed")
    assert (await site.http("GET", "/metrics", headers=forwarded)).code == 200


async def test_health_says_which_parts_answer(site: Site) -> None:
    health = await Http(site.address).json("GET", "/healthz")
    assert health == {"status": "degraded", "parts": {"backend": True, "database": True, "worker worker:0": False}}
    status = await site.http.json("GET", "/api/status")
    assert status["database"]
    assert status["workers"] == [{"id": "worker:0", "connected": False, "environments": []}]


async def test_without_its_database_the_backend_is_healthy_and_says_so(
    site: Site, expected_log: Callable[[str, str], object]
) -> None:
    expected_log("sagews.backend", "Request refused")
    await site.backend.registration.stop()  # it may have a connection in use, which closing the store would leave open
    await site.backend.store.close()
    file = site.configuration.data_folder / "sagews.sqlite"
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    assert (await Http(site.address).json("GET", "/healthz"))["parts"]["database"] is False
    assert await site.http.error("GET", "/api/tokens") == (503, "database_unavailable")
    file.rmdir()
    file.with_suffix(".away").rename(file)
    assert (await Http(site.address).json("GET", "/healthz"))["parts"]["database"] is True


async def test_the_port_of_the_cookie_is_not_shared_between_sites(site: Site) -> None:
    assert str(site.port) in site.backend.identity.cookie


@pytest.mark.parametrize("limit", [0, 1])
async def test_as_many_workspaces_as_the_account_may_have(site: Site, limit: int) -> None:
    """0 = no limit."""
    types = site.backend.store.account_types
    await types.save(dataclasses.replace(await types.get("solo"), workspaces=limit))
    await site.http.json("POST", "/api/workspaces", {"name": "one"})
    if limit:
        assert await site.http.error("POST", "/api/workspaces", {"name": "two"}) == (429, "over_limit")
    else:
        await site.http.json("POST", "/api/workspaces", {"name": "two"})
