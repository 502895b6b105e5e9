"""The administrator's page of a solo site: what is there is shown, acted on, and never shown as new when it is old."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.acceptance.browsing import Complaints, WorksheetPage
from tests.acceptance.solo import SoloSite

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

NETWORK = r"WebSocket connection|net::ERR|Failed to load resource"


@pytest_asyncio.fixture(loop_scope="session")
async def admin(context: BrowserContext, site: SoloSite) -> AsyncIterator[Page]:
    """The administrator's page, reached as people reach it."""
    page = await context.new_page()
    await page.goto(site.url)
    await page.get_by_role("link", name="Administration").click()
    await _is_up_to_date(page)
    yield page
    await page.close()


async def _is_up_to_date(page: Page) -> None:
    await expect(page.get_by_test_id("freshness")).to_have_text("Up to date")


async def _go(page: Page, view: str) -> None:
    link = page.get_by_role("navigation", name="Administration").get_by_role("link", name=view, exact=True)
    await link.click()
    await expect(link).to_have_attribute("aria-current", "page")
    await _is_up_to_date(page)


async def test_what_a_solo_site_has_is_shown(admin: Page) -> None:
    await expect(admin.locator("[data-row='worker:0']")).to_contain_text("ready")
    await expect(admin.locator("[data-row='worker:0']")).to_contain_text("the only one")
    await expect(admin.locator("[data-row='backend:0']")).to_contain_text("answers here")
    await expect(admin.get_by_role("main")).to_contain_text("SQLite")
    await expect(admin.get_by_test_id("verdict")).not_to_contain_text("log server")
    await _go(admin, "Log")
    await expect(admin.get_by_role("main")).to_contain_text("This site has no log server")


async def test_a_running_session_is_seen_and_ended(admin: Page, worksheet: WorksheetPage) -> None:
    await worksheet.start(1, "while True: pass")
    await _go(admin, "Sessions")
    row = admin.locator(f"[data-row^='{worksheet.workspace} ']")
    await expect(row).to_contain_text("busy")
    await row.get_by_role("button", name="End").click()
    await admin.get_by_role("dialog").get_by_role("button", name="End the session").click()
    await expect(row).to_contain_text("none")
    await worksheet.ends(1, "died")
    await expect(worksheet.session).to_contain_text("ended by the site's operator")


async def test_users_are_made_found_and_disabled(admin: Page, complaints: Complaints) -> None:
    complaints.allow("409 .Conflict.")
    await _go(admin, "Users")
    await admin.get_by_role("button", name="New user").click()
    await admin.get_by_label("Name or e-mail address").fill("emmy@example.org")
    await admin.get_by_role("dialog").get_by_role("button", name="Create").click()
    row = admin.locator("tr", has_text="emmy@example.org")
    await expect(row).to_contain_text("enabled")
    await admin.get_by_label("Search for users").fill("EMMY")
    await expect(admin.locator("tbody tr")).to_have_count(1)
    await row.get_by_role("button", name="Disable").click()
    await admin.get_by_role("button", name="Cancel").click()
    await expect(row).to_contain_text("enabled")
    await row.get_by_role("button", name="Disable").click()
    await admin.get_by_role("dialog").get_by_role("button", name="Disable").click()
    await expect(row).to_contain_text("disabled")
    # A name that is taken is told where it was given, and what was given stays.
    await admin.get_by_role("button", name="New user").click()
    await admin.get_by_label("Name or e-mail address").fill("emmy@example.org")
    await admin.get_by_role("dialog").get_by_role("button", name="Create").click()
    await expect(admin.get_by_role("dialog")).to_contain_text("is taken")
    await expect(admin.get_by_label("Name or e-mail address")).to_have_value("emmy@example.org")
    await admin.keyboard.press("Escape")
    await expect(admin.get_by_role("dialog")).to_have_count(0)


async def test_what_is_old_is_said_to_be_old(admin: Page, context: BrowserContext, complaints: Complaints) -> None:
    complaints.allow(NETWORK)
    await context.set_offline(True)
    freshness = admin.get_by_test_id("freshness")
    await expect(freshness).to_contain_text(re.compile(r"Not up to date: as of \d+ s ago"))
    await expect(admin.locator(".shown")).to_have_class(re.compile(r"\bold\b"))
    await context.set_offline(False)
    await _is_up_to_date(admin)
    await expect(admin.locator(".shown")).not_to_have_class(re.compile(r"\bold\b"))
