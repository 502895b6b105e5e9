"""The real sockjs-client in a real Chromium, over each of its transports."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright
from tornado.web import RequestHandler, StaticFileHandler

from tests.integration.backend.sockjs_services import SUITE, Site, serving
from tests.waiting import eventually

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).parents[2] / "client" / "node_modules" / "sockjs-client" / "dist"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-quic",
    "--disable-component-update",
    "--disable-sync",
]
PLAIN = ["websocket", "xhr-streaming", "eventsource", "htmlfile", "xhr-polling", "jsonp-polling"]
ACROSS = ["websocket", "xhr-streaming", "xhr-polling", "jsonp-polling"]
BY_IFRAME = ["iframe-eventsource", "iframe-htmlfile", "iframe-xhr-polling"]

# Every character that sockjs-client or we escape, surrogates and their pairs, what could end a script.
TEXTS = ["", "</script><!-- ' \" \\", "😀 ∫ é", "5 % of %41", "\ud83d|\ude00", "x" * 200_000]
CHARACTERS = "String.fromCharCode(...Array.from({length: 65536}, (_, code) => code).slice(first, first + 4096))"

TALK = """
([url, transports, texts]) => new Promise((resolve) => {
  const socket = new SockJS(url, null, {transports});
  for (let first = 0; first < 65536; first += 4096) texts.push(CHARACTERS);
  for (let n = 0; n < 300; n += 1) texts.push('message ' + n);
  const heard = [];
  let transport = null;
  socket.onopen = () => {
    transport = socket.transport;
    texts.forEach((text) => socket.send(text));
  };
  socket.onmessage = (event) => {
    heard.push(event.data);
    if (heard.length === texts.length) socket.close(3123, 'done');
  };
  socket.onclose = (event) => {
    const same = texts.length === heard.length && texts.every((text, n) => text === heard[n]);
    resolve({transport, same, count: heard.length, code: event.code, reason: event.reason});
  };
})
""".replace("CHARACTERS", CHARACTERS)
WHOLE = {"same": True, "count": len(TEXTS) + 16 + 300, "code": 3123, "reason": "done"}

HEAR_CLOSE = """
([url, transports]) => new Promise((resolve) => {
  const socket = new SockJS(url, null, {transports});
  socket.onclose = (event) => resolve([event.code, event.reason]);
})
"""


class EmptyPage(RequestHandler):
    """A page with sockjs-client in it."""

    def get(self) -> None:
        self.finish('<!doctype html><script src="/static/sockjs.min.js"></script>')


@asynccontextmanager
async def browsing(host: str = "127.0.0.1") -> AsyncIterator[tuple[Page, Site]]:
    """A page on the host, and the services, which are always on 127.0.0.1."""
    settings = dataclasses.replace(SUITE, frame_ancestors="*", response_limit_bytes=64 * 1024, disconnect_seconds=0.5)
    more = [
        ("/page", EmptyPage),
        ("/favicon.ico", EmptyPage),
        ("/static/(.*)", StaticFileHandler, {"path": str(SCRIPT)}),
    ]
    async with serving(settings=settings, more=more) as site, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            page = await browser.new_page()
            await page.goto(f"http://{host}:{site.port}/page")
            yield page, site
        finally:
            await browser.close()


async def talk(page: Page, site: Site, service: str, transports: list[str] | None) -> dict[str, Any]:
    """Send all texts, wait for all echoes, close."""
    url = f"http://127.0.0.1:{site.port}{service}"
    answer: dict[str, Any] = await page.evaluate(TALK, [url, transports, list(TEXTS)])
    return answer


@pytest.mark.parametrize("transport", PLAIN)
async def test_every_text_comes_back_in_order(transport: str) -> None:
    async with browsing() as (page, site):
        assert await talk(page, site, "/echo", [transport]) == {"transport": transport, **WHOLE}
        await eventually(lambda: site.echo.events[-1] == "close")
        assert site.echo.events.count("close") == 1


@pytest.mark.parametrize("transport", ACROSS + BY_IFRAME)
async def test_page_of_an_allowed_other_origin_is_served_too(transport: str) -> None:
    async with browsing("localhost") as (page, site):
        assert await talk(page, site, "/echo", [transport]) == {"transport": transport, **WHOLE}


async def test_client_finds_another_transport_where_websockets_are_off() -> None:
    async with browsing() as (page, site):
        assert await talk(page, site, "/disabled_websocket_echo", None) == {"transport": "xhr-streaming", **WHOLE}


@pytest.mark.parametrize("transport", PLAIN)
async def test_page_hears_why_it_was_closed(transport: str) -> None:
    async with browsing() as (page, site):
        url = f"http://127.0.0.1:{site.port}/close"
        assert await page.evaluate(HEAR_CLOSE, [url, [transport]]) == [3000, "Go away!"]


@pytest.mark.parametrize("transport", PLAIN)
async def test_session_of_a_closed_page_ends(transport: str) -> None:
    async with browsing() as (page, site):
        url = f"http://127.0.0.1:{site.port}/echo"
        await page.evaluate("([url, transports]) => { new SockJS(url, null, {transports}); }", [url, [transport]])
        await eventually(lambda: site.connections and site.echo.events == ["open"])
        await page.close()
        await eventually(lambda: site.echo.events == ["open", "close"])
