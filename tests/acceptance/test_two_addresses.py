"""A page whose load balancer is gone keeps working, by the other one, over whatever transport gets through."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import cast

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.acceptance.browsing import CALCULATION_MILLISECONDS, PATIENCE_MILLISECONDS, WorksheetPage
from tests.acceptance.solo import SoloSite
from tests.acceptance.whole_site import WholeSite, whole_site

SETTINGS = """
backend.hosts = ["localhost", "localhost"]
worker.hosts = ["localhost"]
worker.environments.sage.enabled = false
memcached.hosts = []
"""
TRANSPORTS = ("websocket", "xhr_streaming", "eventsource", "htmlfile", "xhr", "jsonp")
"""As they stand in SockJS's addresses, in the order in which its client tries them (SockJS protocol 0.3.3)."""

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
    pytest.mark.browser,
    pytest.mark.haproxy,
    pytest.mark.nginx,
    pytest.mark.postgresql,
]
NAME, PASSWORD = "ada@example.org", "correct horse battery staple"


class TransportPage:
    """A page with a worksheet; one transport of SockJS gets through, and those after it."""

    def __init__(self, page: Page, site: WholeSite, workspace: str, transport: str) -> None:
        self.transport = transport
        # It is only asked for its address.
        self.sheet = WorksheetPage(page, cast(SoloSite, site), workspace, f"{transport}.ipynb")
        self._page = page
        self.used = False
        """Whether the transport was."""

    async def begin(self) -> None:
        """Block what SockJS would try before, sign in, and open the worksheet."""
        blocked = TRANSPORTS[: TRANSPORTS.index(self.transport)]
        if "websocket" in blocked:
            await self._page.add_init_script("delete window.WebSocket")
        self._page.on("websocket", lambda socket: self._note(socket.url))
        self._page.on("request", lambda request: self._note(request.url))
        await self._page.route(re.compile(rf"/sockjs/.*/({'|'.join(blocked) or 'none'})(\?|$)"), _refuse)
        await self._page.goto(f"{self.sheet.site.url}/sign-in")
        await self._page.get_by_label("Name").fill(NAME)
        await self._page.get_by_label("Password").fill(PASSWORD)
        await self._page.keyboard.press("Enter")
        await expect(self._page).to_have_url(re.compile(r":\d+/$"))
        await self.sheet.open(new=True)

    async def calculates(self, cell: int) -> None:
        """Evaluate in a cell that is there or will be."""
        shown = await self.sheet.run(cell, f"6 * {cell}")
        await expect(shown).to_have_text(str(6 * cell), timeout=CALCULATION_MILLISECONDS)

    def _note(self, url: str) -> None:
        self.used |= url.partition("?")[0].endswith(f"/{self.transport}")


async def _refuse(route: Route) -> None:
    await route.abort()


async def test_pages_go_on_when_the_load_balancer_that_they_came_by_is_gone(browser: Browser) -> None:
    async with AsyncExitStack() as stack:
        site = stack.enter_context(whole_site(SETTINGS))
        await asyncio.to_thread(site.sagews, "start")
        secret = site.folder / "password"
        secret.write_text(PASSWORD)
        await asyncio.to_thread(site.sagews, "users", "create", NAME, "--password-file", str(secret))
        token = await asyncio.to_thread(site.sagews, "users", "token", NAME)
        async with site.client(token.strip()) as client:
            workspace = str((await client.call("POST", "/api/workspaces", {"name": "W"}))["id"])
        pages = []
        for transport in TRANSPORTS:
            # The site's own authority is none that browsers know.
            window = await stack.enter_async_context(await browser.new_context(ignore_https_errors=True))
            window.set_default_timeout(PATIENCE_MILLISECONDS)
            pages.append(TransportPage(await window.new_page(), site, workspace, transport))
        await asyncio.gather(*(page.begin() for page in pages))
        await asyncio.gather(*(page.calculates(1) for page in pages))
        assert {page.transport: page.used for page in pages} == dict.fromkeys(TRANSPORTS, True)
        pages = [page for page in pages if page.transport != "jsonp"]  # by which no other address may be asked
        await asyncio.to_thread(site.sagews, "stop", "loadbalancer:0")
        await asyncio.gather(*(page.calculates(2) for page in pages))
        await asyncio.to_thread(site.sagews, "start", "loadbalancer:0")
        await asyncio.to_thread(site.kill, "loadbalancer:1")
        await asyncio.gather(*(page.calculates(3) for page in pages))
