"""Sharing, invitations, signing up, one's own account: over HTTP, as pages and scripts do it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sagews.backend.mail import Mail
from sagews.configuration import Accounts
from sagews.configuration import Mail as MailSettings
from sagews.database.choices import TokenKind
from sagews.rates import Rate
from tests.integration.backend.running import Site, running_backend
from tests.integration.backend.talk import Http
from tests.logwatch import Expectation
from tests.waiting import eventually

OWN = {"X-Sagews": "1"}
PASSWORD = "noether-1882"


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Site]:
    """A backend without a worker, to which everybody may come, as often as they like."""
    with (folder / "sagews.toml").open("a") as file:
        file.write('[accounts]\nsign_up = "open"\n')
    async with running_backend(folder, sign_in_rate=Rate(1000, "attempts")) as running:
        yield running


async def person(site: Site, sign_in: str, **more: str) -> Http:
    """Somebody new, signed in by cookie as a page is."""
    body = {"sign_in": sign_in, "password": PASSWORD, **more}
    answer = await Http(site.address, OWN)("POST", "/api/sign-up", body)
    assert answer.code == 201, answer.body
    return Http(site.address, {**OWN, "Cookie": answer.headers["Set-Cookie"].partition(";")[0]})


async def id_of(http: Http) -> str:
    return str((await http.json("GET", "/api/me"))["id"])


async def invitation(http: Http, workspace: str, **more: Any) -> str:
    made = await http.json("POST", f"/api/workspaces/{workspace}/invitations", {"role": "reader", **more})
    return str(made["link"].partition("/join#")[2])


async def test_sharing_by_name_takes_effect_at_once(site: Site) -> None:
    workspace, emmy = await site.workspace(), await person(site, "Emmy")
    place = f"/api/workspaces/{workspace}"
    assert await emmy.error("GET", place) == (404, "not_found")
    shared = await site.http.json("POST", f"{place}/members", {"name": " EMMY ", "role": "reader"})
    assert (shared["member"]["name"], shared["invited"]) == ("Emmy", None)
    assert (await emmy.json("GET", place))["role"] == "reader"
    assert [one["id"] for one in (await emmy.json("GET", "/api/workspaces"))["workspaces"]] == [workspace]
    assert await emmy.error("POST", f"{place}/members", {"name": "x", "role": "reader"}) == (403, "not_allowed")
    assert await emmy.error("GET", f"{place}/invitations") == (403, "not_allowed")
    assert (await site.http.error("POST", f"{place}/members", {"name": "Nobody", "role": "reader"}))[0] == 404


async def test_who_is_not_here_yet_is_invited_by_address(site: Site) -> None:
    workspace = await site.workspace()
    new = {"name": "kurt@example.org", "role": "collaborator"}
    shared = await site.http.json("POST", f"/api/workspaces/{workspace}/members", new)
    assert shared["member"] is None
    assert shared["invited"]["invitation"]["address"] == "kurt@example.org"
    assert not shared["invited"]["mailed"]
    secret = shared["invited"]["link"].partition("#")[2]
    shown = await Http(site.address, OWN).json("POST", "/api/invitations/look", {"secret": secret})
    assert (shown["workspace"], shown["role"], shown["invited_by"]) == ("W", "collaborator", "You")
    kurt = await person(site, "kurt@example.org", invitation=secret)
    assert (await kurt.json("GET", f"/api/workspaces/{workspace}"))["role"] == "collaborator"
    assert (await kurt.error("POST", "/api/invitations/accept", {"secret": secret}))[0] == 404
    as_owner = {"name": "ada@example.org", "role": "owner"}
    assert (await site.http.error("POST", f"/api/workspaces/{workspace}/members", as_owner))[0] == 409


async def test_a_link_is_accepted_listed_and_taken_back(site: Site) -> None:
    workspace, emmy, kurt = await site.workspace(), await person(site, "Emmy"), await person(site, "Kurt")
    place = f"/api/workspaces/{workspace}/invitations"
    secret = await invitation(site.http, workspace, uses=None)
    accepted = await emmy.json("POST", "/api/invitations/accept", {"secret": secret})
    assert (accepted["workspace"]["id"], accepted["workspace"]["role"]) == (workspace, "reader")
    (listed,) = (await site.http.json("GET", place))["invitations"]
    assert secret not in json.dumps(listed)
    await site.http.json("DELETE", f"{place}/{listed['id']}")
    await site.http.json("DELETE", f"{place}/{listed['id']}")
    assert await kurt.error("POST", "/api/invitations/accept", {"secret": secret}) == (404, "not_found")
    assert (await emmy.json("GET", f"/api/workspaces/{workspace}"))["role"] == "reader"


async def test_who_was_removed_is_told_to_ask_for_a_new_invitation(site: Site) -> None:
    workspace, emmy = await site.workspace(), await person(site, "Emmy")
    secret = await invitation(site.http, workspace, uses=None)
    await emmy.json("POST", "/api/invitations/accept", {"secret": secret})
    removed = {"account": await id_of(emmy), "role": None}
    await site.http.json("PATCH", f"/api/workspaces/{workspace}/permissions", removed)
    assert await emmy.error("POST", "/api/invitations/accept", {"secret": secret}) == (403, "not_allowed")
    assert await emmy.error("GET", f"/api/workspaces/{workspace}") == (404, "not_found")
    again = await invitation(site.http, workspace)
    await emmy.json("POST", "/api/invitations/accept", {"secret": again})
    await emmy.json("POST", f"/api/workspaces/{workspace}/leave")
    await emmy.json("POST", "/api/invitations/accept", {"secret": await invitation(site.http, workspace)})


async def test_the_number_of_collaborators_is_limited_and_told(site: Site) -> None:
    types = site.backend.store.account_types
    await types.save(dataclasses.replace(await types.get("solo"), collaborators=1))
    workspace, _, kurt = await site.workspace(), await person(site, "Emmy"), await person(site, "Kurt")
    members = f"/api/workspaces/{workspace}/members"
    await site.http.json("POST", members, {"name": "Emmy", "role": "collaborator"})
    assert await site.http.error("POST", members, {"name": "Kurt", "role": "owner"}) == (429, "over_limit")
    secret = await invitation(site.http, workspace, role="collaborator")
    assert await kurt.error("POST", "/api/invitations/accept", {"secret": secret}) == (429, "over_limit")
    told = await site.http.json("GET", "/api/me/account")
    assert (told["collaborators"], told["limits"]["collaborators"]) == (1, 1)
    assert (told["published_bytes"], told["limits"]["published_bytes"]) == (0, 2**30)


async def test_guessing_invitations_is_limited(folder: Path) -> None:
    async with running_backend(folder, sign_in_rate=Rate(2, "attempts")) as site:
        http = Http(site.address, OWN)
        for _ in range(2):
            assert (await http.error("POST", "/api/invitations/look", {"secret": "guess"}))[0] == 404
        assert (await http.error("POST", "/api/invitations/look", {"secret": "guess"}))[0] == 429


async def test_leaving_and_giving_away(site: Site) -> None:
    workspace, emmy = await site.workspace(), await person(site, "Emmy")
    place = f"/api/workspaces/{workspace}"
    await site.http.json("POST", f"{place}/members", {"name": "Emmy", "role": "owner"})
    assert await site.http.error("POST", f"{place}/leave") == (409, "conflict")
    # A second owner may do much, but it is not hers to give.
    assert await emmy.error("POST", f"{place}/transfer", {"account": await id_of(emmy)}) == (403, "not_allowed")
    given = await site.http.json("POST", f"{place}/transfer", {"account": await id_of(emmy)})
    assert (given["owner"], given["role"]) == (await id_of(emmy), "collaborator")
    await site.http.json("POST", f"{place}/leave")
    assert await site.http.error("GET", place) == (404, "not_found")
    assert (await emmy.json("GET", place))["role"] == "owner"


async def test_an_open_page_hears_at_once_that_it_is_out(working_site: Site) -> None:
    site = working_site
    workspace = await site.workspace()
    account = await site.backend.store.accounts.create("Emmy", "solo")
    token = await site.backend.store.tokens.create(account.id, TokenKind.API)
    place = f"/api/workspaces/{workspace}/permissions"
    await site.http.json("PATCH", place, {"account": account.id, "role": "reader"})
    talk = await site.talk(token=token.secret)
    await talk.attach(workspace)
    await talk.hear("attached")
    await site.http.json("PATCH", place, {"account": account.id, "role": None})
    # She is silent, and hears it all the same.
    refused = await talk.hear("refused")
    assert refused.content.code == "not_found"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("state", "status"), [("closed", 403), ("invitation", 403), ("open", 201)])
async def test_who_may_sign_up_is_the_operators_choice(folder: Path, state: Any, status: int) -> None:
    async with running_backend(folder) as site:
        chosen = dataclasses.replace(site.configuration, accounts=Accounts(sign_up=state))
        object.__setattr__(site.backend, "configuration", chosen)
        http = Http(site.address, OWN)
        assert (await http.json("GET", "/api/sign-up"))["sign_up"] == state
        body = {"sign_in": "Emmy", "password": PASSWORD}
        assert (await http("POST", "/api/sign-up", body)).code == status
        workspace = await site.workspace()
        with_link = {**body, "sign_in": "Kurt", "invitation": await invitation(site.http, workspace)}
        assert (await http("POST", "/api/sign-up", with_link)).code == (403 if state == "closed" else 201)


async def test_a_taken_name_and_a_short_password_are_refused(site: Site) -> None:
    await person(site, "Emmy")
    http = Http(site.address, OWN)
    assert (await http.error("POST", "/api/sign-up", {"sign_in": "emmy", "password": PASSWORD}))[0] == 409
    assert (await http.error("POST", "/api/sign-up", {"sign_in": "Kurt", "password": "short"}))[0] == 400


async def test_a_new_password_by_link(site: Site) -> None:
    emmy = await person(site, "Emmy")
    account = await id_of(emmy)
    assert await emmy.error("POST", f"/api/accounts/{account}/reset-link") == (403, "not_allowed")
    made = await site.http.json("POST", f"/api/accounts/{account}/reset-link")
    body = {"secret": made["link"].partition("/reset#")[2], "password": "another-password"}
    http = Http(site.address, OWN)
    await http.json("POST", "/api/reset-password", body)
    assert await http.error("POST", "/api/reset-password", body) == (401, "not_signed_in")
    assert await emmy.error("GET", "/api/me") == (401, "not_signed_in")
    assert (await http("POST", "/api/sign-in", {"name": "Emmy", "password": "another-password"})).code == 200
    # Who has no password gets no link.
    assert await site.http.error("POST", "/api/accounts/solo/reset-link") == (409, "conflict")


async def test_changing_ones_password_ends_other_browsers(site: Site) -> None:
    emmy = await person(site, "Emmy")
    there = await Http(site.address, OWN)("POST", "/api/sign-in", {"name": "Emmy", "password": PASSWORD})
    elsewhere = Http(site.address, {**OWN, "Cookie": there.headers["Set-Cookie"].partition(";")[0]})
    wrong = {"old": "not my password", "new": "another-password"}
    assert await emmy.error("POST", "/api/me/password", wrong) == (403, "not_allowed")
    await emmy.json("POST", "/api/me/password", {"old": PASSWORD, "new": "another-password"})
    assert (await emmy.json("GET", "/api/me"))["name"] == "Emmy"
    assert await elsewhere.error("GET", "/api/me") == (401, "not_signed_in")
    solo = {"old": "x", "new": "another-password"}
    assert await site.http.error("POST", "/api/me/password", solo) == (409, "conflict")


async def test_ones_account_is_told_with_its_limits(site: Site) -> None:
    emmy = await person(site, "emmy@example.org", name="Emmy")
    workspace = (await emmy.json("POST", "/api/workspaces", {"name": "Rings"}))["id"]
    await emmy.json("PATCH", f"/api/workspaces/{workspace}/permissions", {"account": "solo", "role": "reader"})
    assert (await emmy.json("PATCH", "/api/me/account", {"name": "E. Noether"}))["name"] == "E. Noether"
    told = await emmy.json("GET", "/api/me/account")
    assert (told["account"]["name"], told["sign_in"], told["has_password"]) == (
        "E. Noether",
        ["emmy@example.org"],
        True,
    )
    assert (told["workspaces"], told["limits"]["workspaces"]) == (1, 1000)
    assert told["shared"] == [{"id": workspace, "name": "Rings", "others": [{"account": "solo", "name": "You"}]}]


async def test_an_account_ends_by_its_password_only_and_nothing_shared_is_lost_unsaid(site: Site) -> None:
    emmy = await person(site, "Emmy")
    workspace = (await emmy.json("POST", "/api/workspaces", {"name": "Rings"}))["id"]
    await emmy.json("PATCH", f"/api/workspaces/{workspace}/permissions", {"account": "solo", "role": "reader"})
    assert await emmy.error("POST", "/api/me/delete", {"password": "wrong"}) == (403, "not_allowed")
    assert await emmy.error("POST", "/api/me/delete", {"password": PASSWORD}) == (409, "conflict")
    ending = await emmy("POST", "/api/me/delete", {"password": PASSWORD, "workspaces": {workspace: "solo"}})
    assert ending.code == 204
    assert "Max-Age=0" in ending.headers["Set-Cookie"]
    assert await emmy.error("GET", "/api/me") == (401, "not_signed_in")
    assert (await site.http.json("GET", f"/api/workspaces/{workspace}"))["role"] == "owner"
    again = {"name": "Emmy", "password": PASSWORD}
    assert await Http(site.address, OWN).error("POST", "/api/sign-in", again) == (401, "not_signed_in")
    assert await site.http.error("POST", "/api/me/delete", {"password": ""}) == (409, "conflict")


async def test_mail_goes_out_by_the_configured_command(site: Site, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    settings = MailSettings(command=("/bin/sh", "-c", f"cat >> {sent}"), sender="sage@example.org")
    object.__setattr__(site.backend, "mail", Mail(dataclasses.replace(site.configuration, mail=settings)))
    await person(site, "emmy@example.org")
    http = Http(site.address, OWN)
    for name in ("nobody@example.org", "emmy@example.org"):
        assert (await http("POST", "/api/forgotten-password", {"name": name})).code == 204
    await eventually(lambda: sent.exists() and "/reset#" in sent.read_text())
    await site.backend.mail.stop()
    text = await asyncio.to_thread(sent.read_text)
    assert "To: emmy@example.org" in text
    assert "From: sage@example.org" in text
    assert "nobody@example.org" not in text
    workspace = await site.workspace()
    hostile = {"role": "reader", "address": "a@example.org\nBcc: b@example.org"}
    assert (await site.http.error("POST", f"/api/workspaces/{workspace}/invitations", hostile))[0] == 400
    made = await site.http.json(
        "POST", f"/api/workspaces/{workspace}/invitations", {"role": "reader", "address": "kurt@example.org"}
    )
    assert made["mailed"]
    assert "/join#" in await asyncio.to_thread(sent.read_text)


async def test_a_mail_command_that_fails_leaves_the_link(
    site: Site, expected_log: Callable[[str, str], Expectation]
) -> None:
    expected_log("sagews.backend.mail", "Mail not sent")
    settings = MailSettings(command=("/bin/false",))
    object.__setattr__(site.backend, "mail", Mail(dataclasses.replace(site.configuration, mail=settings)))
    workspace = await site.workspace()
    new = {"role": "reader", "address": "kurt@example.org"}
    made = await site.http.json("POST", f"/api/workspaces/{workspace}/invitations", new)
    assert (made["mailed"], "/join#" in made["link"]) == (False, True)
