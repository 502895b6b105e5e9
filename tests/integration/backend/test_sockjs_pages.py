"""What a SockJS service serves without a session, and whom it refuses."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sagews.backend.sockjs import SockJSSettings
from tests.integration.backend.sockjs_services import serving

CLOSED = SockJSSettings()


@pytest.mark.parametrize("path", ["/echo", "/echo/"])
async def test_greets(path: str) -> None:
    async with serving() as site:
        answer = await site.ask("GET", path)
        assert (answer.status, answer.body) == (200, "Welcome to SockJS!\n")
        assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"


@pytest.mark.parametrize(
    "path", ["/echo//", "/echo/a", "/echo/a/b", "/echo/iframe.htm", "/echo/IFRAME.html", "/echoes"]
)
async def test_has_nothing_at_other_addresses(path: str) -> None:
    async with serving() as site:
        assert (await site.ask("GET", path)).status == 404


@pytest.mark.parametrize("part", ["a./a", "a/a.", "./.", "/a", "a/"])
async def test_takes_no_dots_or_empty_names_as_sessions(part: str) -> None:
    async with serving() as site:
        assert (await site.ask("POST", f"/echo/{part}/xhr")).status == 404


async def test_iframe_page_is_cached_by_its_tag() -> None:
    async with serving() as site:
        first = await site.ask("GET", "/echo/iframe-1.6.1.html?t=1")
        assert first.status == 200
        assert "max-age=31536000" in first.headers["Cache-Control"]
        second = await site.ask("GET", "/echo/iframe.html", headers={"If-None-Match": first.headers["Etag"]})
        assert second.status == 304
        assert "Content-Type" not in second.headers


async def test_iframe_page_loads_the_configured_script_and_escapes_it() -> None:
    async with serving(settings=SockJSSettings(sockjs_url='/a"b<c.js')) as site:
        answer = await site.ask("GET", "/echo/iframe.html")
        assert '<script src="/a&quot;b&lt;c.js"></script>' in answer.body


async def test_iframe_page_may_stand_only_in_our_own_pages_by_default() -> None:
    async with serving(settings=CLOSED) as site:
        answer = await site.ask("GET", "/echo/iframe.html")
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"


async def test_info_tells_what_is_on_and_never_comes_from_a_cache() -> None:
    async with serving() as site:
        answer = await site.ask("GET", "/echo/info")
        info = json.loads(answer.body)
        assert (info["websocket"], info["cookie_needed"], info["origins"]) == (True, False, ["*:*"])
        assert 0 <= info["entropy"] < 2**32
        assert answer.headers["Cache-Control"] == "no-store, no-cache, must-revalidate, max-age=0"
        assert json.loads((await site.ask("GET", "/disabled_websocket_echo/info")).body)["websocket"] is False
        assert json.loads((await site.ask("GET", "/cookie_needed_echo/info")).body)["cookie_needed"] is True


@pytest.mark.parametrize(("origin", "allowed"), [("http://a.example", "http://a.example"), ("null", "*")])
async def test_preflight_names_methods_and_is_cached(origin: str, allowed: str) -> None:
    async with serving() as site:
        headers = {"Origin": origin, "Access-Control-Request-Headers": "x-a, x-b"}
        answer = await site.ask("OPTIONS", "/echo/0/abc/xhr", headers=headers)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"
        assert answer.headers["Access-Control-Allow-Origin"] == allowed
        assert answer.headers["Access-Control-Allow-Headers"] == "x-a, x-b"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Expires" in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-WebSocket-Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Referer": "http://evil.example/page"},
        {"Referer": "http://evil.example/page"},
    ],
)
@pytest.mark.parametrize("transport", ["xhr", "xhr_streaming", "eventsource", "htmlfile?c=x", "jsonp?c=x", "websocket"])
async def test_pages_of_other_origins_get_no_session(transport: str, headers: dict[str, str]) -> None:
    async with serving(settings=CLOSED) as site:
        method = "POST" if transport.startswith("xhr") else "GET"
        answer = await site.ask(method, f"{site.session()}/{transport}", headers=headers)
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert not site.connections


async def test_pages_of_our_own_and_of_allowed_origins_get_one() -> None:
    settings = dataclasses.replace(CLOSED, allowed_origins=lambda origin: origin == "https://twin.example")
    async with serving(settings=settings) as site:
        for origin in (f"http://127.0.0.1:{site.port}", "https://twin.example"):
            for headers in ({"Origin": origin}, {"Referer": origin + "/page"}):
                answer = await site.ask("POST", site.session() + "/xhr", headers=headers)
                assert (answer.status, answer.body) == (200, "o\n")


async def test_other_methods_are_refused_with_the_allowed_ones() -> None:
    async with serving() as site:
        answer = await site.ask("POST", "/echo/0/0/websocket")
        assert (answer.status, answer.headers["Allow"], answer.body) == (405, "GET", "")
        assert "Content-Type" not in answer.headers


async def test_cookie_for_load_balancers_only_where_needed() -> None:
    async with serving() as site:
        without = await site.ask("POST", site.session() + "/xhr")
        assert "Set-Cookie" not in without.headers
        new = await site.ask("POST", site.session("/cookie_needed_echo") + "/xhr")
        assert new.headers["Set-Cookie"].lower().startswith("jsessionid=dummy; path=/")
        headers = {"Cookie": "JSESSIONID=node7"}
        kept = await site.ask("GET", site.session("/cookie_needed_echo") + "/jsonp?c=x", headers=headers)
        assert kept.headers["Set-Cookie"].startswith("JSESSIONID=node7;")


async def test_strange_cookie_is_not_repeated() -> None:
    async with serving() as site:
        headers = {"Cookie": 'JSESSIONID="a b;c"'}
        answer = await site.ask("POST", site.session("/cookie_needed_echo") + "/xhr", headers=headers)
        assert answer.headers["Set-Cookie"].startswith("JSESSIONID=dummy;")
