"""Promises: the requests of one SockJS session reach one backend, with cookies and without."""

from __future__ import annotations

import pytest

from tests.integration.loadbalancer.balanced import Balanced

pytestmark = pytest.mark.haproxy


async def backend_of(site: Balanced, session: str, transport: str, cookie: str = "") -> tuple[int, str]:
    """Which backend answered, and the cookie that it came back with."""
    headers = {"Cookie": cookie} if cookie else {}
    answer = await site.fetch(f"/sockjs/123/{session}/{transport}", "POST", body="", headers=headers)
    assert answer.code == 200
    set_cookie = answer.headers.get("Set-Cookie", "")
    number = int(answer.body.partition(b'"backend": ')[2].partition(b",")[0])
    return number, set_cookie.partition(";")[0]


async def test_a_session_stays_at_its_backend_without_cookies(balanced: Balanced) -> None:
    places = {}
    for number in range(24):
        session = f"session{number}"
        found = {(await backend_of(balanced, session, transport))[0] for transport in ("xhr", "xhr_send", "xhr")}
        assert len(found) == 1
        places[session] = found.pop()
    assert set(places.values()) == {0, 1, 2}, "sessions are spread"


async def test_a_session_stays_at_its_backend_when_others_come_and_go(balanced: Balanced) -> None:
    home, cookie = await backend_of(balanced, "session", "xhr")
    assert cookie.startswith("sagews_backend_")
    other = balanced.backends[(home + 1) % 3]
    await other.die()
    assert (await backend_of(balanced, "another", "xhr", cookie))[0] == home
    other.start()
    for number in range(12):
        assert (await backend_of(balanced, f"s{number}", "xhr_send", cookie))[0] == home


async def test_when_its_backend_dies_the_next_requests_go_to_one_other(balanced: Balanced) -> None:
    home, cookie = await backend_of(balanced, "session", "xhr")
    await balanced.backends[home].die()
    place, new_cookie = await backend_of(balanced, "session2", "xhr", cookie)
    assert place != home
    assert new_cookie not in ("", cookie)
    assert (await backend_of(balanced, "session2", "xhr", new_cookie))[0] == place


async def test_the_cookie_is_for_the_load_balancer_only(balanced: Balanced) -> None:
    _, cookie = await backend_of(balanced, "session", "xhr")
    answer = await balanced.fetch("/sockjs/1/session/xhr", "POST", body="", headers={"Cookie": cookie})
    assert b"sagews_backend" not in answer.body
    answer = await balanced.fetch("/sockjs/1/session/xhr", "POST", body="")
    assert {"HttpOnly", "Secure"} <= {part.strip() for part in answer.headers["Set-Cookie"].split(";")}
