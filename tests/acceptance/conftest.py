"""What acceptance tests share: a site for each test process, and a browser whose complaints fail the test.

Tests that use a browser run in one event loop (``pytest.mark.asyncio(loop_scope="session")``), so that they share it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.acceptance.browsing import ARGUMENTS, CHROMIUM, PATIENCE_MILLISECONDS, Complaints, WorksheetPage
from tests.acceptance.solo import SoloSite


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoloSite]:
    """A solo site on a folder of its own, shared by the tests of this process."""
    solo = SoloSite.start(tmp_path_factory.mktemp("site"))
    try:
        yield solo
    finally:
        solo.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        try:
            yield chromium
        finally:
            await chromium.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Errors in the console and uncaught ones; unless the test allows them, they fail it."""
    found = Complaints()
    yield found
    if found.unexpected:
        pytest.fail("the page complained: " + "\n".join(found.unexpected), pytrace=False)


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, site: SoloSite, complaints: Complaints) -> AsyncIterator[BrowserContext]:
    """A browser window of somebody who is signed in."""
    window = await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    window.set_default_timeout(PATIENCE_MILLISECONDS)
    complaints.listen(window)
    answer = await window.request.get(site.sign_in_url)
    assert answer.ok
    try:
        yield window
    finally:
        await window.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    """An empty page of somebody who is signed in."""
    return await context.new_page()


@pytest.fixture
def workspace(site: SoloSite, request: pytest.FixtureRequest) -> str:
    """The id of a new workspace with the test's name."""
    return site.new_workspace(re.sub(r"\W+", " ", request.node.name)[:60])


@pytest_asyncio.fixture(loop_scope="session")
async def worksheet(page: Page, site: SoloSite, workspace: str) -> WorksheetPage:
    """A new worksheet, open in a page."""
    sheet = WorksheetPage(page, site, workspace)
    await sheet.open(new=True)
    return sheet
