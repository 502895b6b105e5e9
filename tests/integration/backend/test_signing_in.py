"""Signing in and out, cookies, tokens, and who is kept out."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from sagews.messages import Frame
from sagews.messages.connection import Hello
from sagews.rates import Rate
from tests.integration.backend.running import Site, running_backend
from tests.integration.backend.talk import Http, Talk

OWN = {"X-Sagews": "1"}


async def cookie_of(site: Site) -> str:
    answer = await Http(site.address)("GET", f"/sign-in?token={site.token}")
    return answer.headers["Set-Cookie"].partition(";")[0]


async def test_the_sign_in_address_gives_a_cookie_and_leads_on(site: Site) -> None:
    answer = await Http(site.address)("GET", f"/sign-in?token={site.token}&next=/workspaces/x")
    assert answer.code == 303
    assert answer.headers["Location"] == "/workspaces/x"
    assert answer.headers["Cache-Control"] == "no-store"
    value, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert value.startswith(f"sagews_{site.port}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert "Secure" not in attributes
    me = await Http(site.address, {"Cookie": value}).json("GET", "/api/me")
    assert (me["id"], me["operator"]) == ("solo", True)


async def test_the_sign_in_address_works_again(site: Site) -> None:
    assert await cookie_of(site) != await cookie_of(site)


@pytest.mark.parametrize("wanted", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"])
async def test_it_leads_to_no_other_site(site: Site, wanted: str) -> None:
    answer = await Http(site.address)("GET", f"/sign-in?token={site.token}&next={wanted}")
    assert answer.headers["Location"] == "/"


async def test_a_wrong_token_gives_nothing(site: Site) -> None:
    answer = await Http(site.address)("GET", "/sign-in?token=wrong")
    assert answer.code == 303
    assert answer.headers["Location"] == "/sign-in?failed=not_signed_in"
    assert "Set-Cookie" not in answer.headers


async def test_a_cookie_is_secure_where_the_browser_came_by_https(folder: Path) -> None:
    async with running_backend(folder) as site:
        header = site.backend.identity.cookie_header("x", secure=True)
    assert header.endswith("; Secure")


async def test_signing_out_ends_the_cookie(site: Site) -> None:
    http = Http(site.address, {"Cookie": await cookie_of(site), **OWN})
    answer = await http("POST", "/api/sign-out", body="")
    assert answer.code == 204
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert await http.error("GET", "/api/me") == (401, "not_signed_in")
    assert (await http("POST", "/api/sign-out", body="")).code == 204


async def test_an_account_signs_in_with_its_password(site: Site) -> None:
    await site.http.json("POST", "/api/accounts", {"name": "Emmy", "password": "noether-1882"})
    http = Http(site.address, OWN)
    answer = await http("POST", "/api/sign-in", {"name": " emmy", "password": "noether-1882"})
    assert answer.code == 200
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    me = await Http(site.address, {"Cookie": cookie}).json("GET", "/api/me")
    assert (me["name"], me["account_type"], me["operator"]) == ("Emmy", "standard", False)
    wrong = {"name": "Emmy", "password": "noether-1883"}
    assert await http.error("POST", "/api/sign-in", wrong) == (401, "not_signed_in")
    assert await http.error("POST", "/api/sign-in", {"token": "wrong"}) == (401, "not_signed_in")
    assert (await http("POST", "/api/sign-in", {"token": site.token})).code == 200


async def test_guessing_is_limited(folder: Path) -> None:
    async with running_backend(folder, sign_in_rate=Rate(3, "attempts to sign in")) as site:
        http = Http(site.address, OWN)
        guess = {"name": "Emmy", "password": "not it, but long enough"}
        for _ in range(3):
            assert await http.error("POST", "/api/sign-in", guess) == (401, "not_signed_in")
        answer = await http("POST", "/api/sign-in", guess)
        assert answer.code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert await http.error("POST", "/api/sign-in", {"token": site.token}) == (429, "over_limit")
        page = await http("GET", f"/sign-in?token={site.token}")
        assert page.headers["Location"] == "/sign-in?failed=over_limit"


async def test_requests_are_limited(folder: Path) -> None:
    async with running_backend(folder, request_rate=Rate(2, "requests")) as site:
        await site.http.json("GET", "/api/me")
        await site.http.json("GET", "/api/me")
        assert await site.http.error("GET", "/api/me") == (429, "over_limit")


async def test_tokens_are_made_listed_and_revoked(site: Site) -> None:
    made = await site.http.json("POST", "/api/tokens", {"name": "my script", "days": 1})
    http = Http(site.address, {"Authorization": f"Bearer {made['secret']}"})
    assert (await http.json("GET", "/api/me"))["id"] == "solo"
    listed = (await http.json("GET", "/api/tokens"))["tokens"]
    assert [token["name"] for token in listed] == ["my script"]
    assert made["secret"] not in str(listed)
    await http.json("DELETE", f"/api/tokens/{made['token']['id']}")
    assert await http.error("GET", "/api/me") == (401, "not_signed_in")


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer", "Basic c29sbzp4", "x"])
async def test_wrong_tokens_are_refused(site: Site, authorization: str) -> None:
    answer = await Http(site.address, {"Authorization": authorization})("GET", "/api/me")
    assert answer.code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_cookie_changes_something_only_from_our_own_page(site: Site) -> None:
    cookie = {"Cookie": await cookie_of(site)}
    new = {"name": "W"}
    http = Http(site.address, cookie)
    assert await http.error("POST", "/api/workspaces", new) == (403, "not_allowed")
    foreign = {**OWN, "Origin": "http://evil.example"}
    assert await http.error("POST", "/api/workspaces", new, headers=foreign) == (403, "not_allowed")
    assert await http.error("POST", "/api/workspaces", new, headers={**OWN, "Origin": "null"}) == (403, "not_allowed")
    own = {**OWN, "Origin": site.address}
    assert (await http("POST", "/api/workspaces", new, headers=own)).code == 201


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::2]"])
@pytest.mark.parametrize("path", ["/", "/api/me", "/sockjs/info", "/healthz", "/static/app-1A2B3C4D.js"])
async def test_another_name_of_this_server_is_refused(site: Site, host: str, path: str) -> None:
    assert await site.http.error("GET", path, headers={"Host": host}) == (403, "not_allowed")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8765"])
async def test_names_of_this_machine_are_allowed(site: Site, host: str) -> None:
    assert (await site.http("GET", "/api/me", headers={"Host": host})).code == 200


async def test_a_foreign_page_gets_no_live_connection(site: Site) -> None:
    headers = {"Origin": "http://evil.example", "Cookie": await cookie_of(site)}
    request = HTTPRequest(f"ws://127.0.0.1:{site.port}/sockjs/websocket", headers=headers)
    with pytest.raises(HTTPClientError, match="403"):
        await websocket_connect(request)


async def test_a_browser_is_known_by_its_cookie(site: Site) -> None:
    talk = await Talk.open(site.address, headers={"Cookie": await cookie_of(site), "Origin": site.address})
    welcome = await talk.hear("welcome")
    assert welcome.content.account == "solo"  # type: ignore[attr-defined]
    await talk.close()


async def test_who_is_not_signed_in_hears_so_and_is_closed(site: Site) -> None:
    socket = await websocket_connect(f"ws://127.0.0.1:{site.port}/sockjs/websocket")
    talk = Talk(socket, "c")
    await talk.say(Frame(content=Hello(1, 1, "test", "script", token="wrong")))
    refused = await talk.hear("refused")
    assert refused.content.code == "not_signed_in"  # type: ignore[attr-defined]
    await asyncio.wait_for(talk.ended(), 10)
    assert socket.close_code == 4401
    await talk.close()


async def test_nothing_is_said_before_the_greeting(site: Site) -> None:
    socket = await websocket_connect(f"ws://127.0.0.1:{site.port}/sockjs/websocket")
    talk = Talk(socket, "c")
    await talk.attach("w")
    assert talk.heard[0].content.type == "refused"
    await asyncio.wait_for(talk.ended(), 10)
    await talk.close()


async def test_a_disabled_account_is_nobody(site: Site) -> None:
    account = await site.http.json("POST", "/api/accounts", {"name": "Emmy", "password": "noether-1882"})
    signed_in = await Http(site.address, OWN)("POST", "/api/sign-in", {"name": "Emmy", "password": "noether-1882"})
    http = Http(site.address, {"Cookie": signed_in.headers["Set-Cookie"].partition(";")[0], **OWN})
    await site.http.json("PATCH", f"/api/accounts/{account['id']}", {"disabled": True})
    assert await http.error("GET", "/api/me") == (401, "not_signed_in")
    assert await site.http.error("PATCH", "/api/accounts/solo", {"disabled": True}) == (409, "conflict")


async def test_only_the_operator_sees_accounts(site: Site) -> None:
    store = site.backend.store
    await store.account_types.save(dataclasses.replace(await store.account_types.get("solo"), id="student"))
    await site.http.json(
        "POST", "/api/accounts", {"name": "Emmy", "password": "noether-1882", "account_type": "student"}
    )
    signed_in = await Http(site.address, OWN)("POST", "/api/sign-in", {"name": "Emmy", "password": "noether-1882"})
    http = Http(site.address, {"Cookie": signed_in.headers["Set-Cookie"].partition(";")[0], **OWN})
    assert await http.error("GET", "/api/accounts") == (403, "not_allowed")
    assert await http.error("PATCH", "/api/accounts/solo", {"name": "x"}) == (403, "not_allowed")
