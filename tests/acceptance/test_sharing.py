"""Sharing and accounts as people do it: in the pages, by keyboard too; what is taken away is gone from open pages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.acceptance.browsing import Complaints, WorksheetPage
from tests.acceptance.solo import SoloSite

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "noether-1882"


@asynccontextmanager
async def window_of(
    browser: Browser, site: SoloSite, name: str, complaints: Complaints
) -> AsyncIterator[BrowserContext]:
    """A browser window of somebody new, who is signed in."""
    person = {"name": name, "password": PASSWORD}
    site.call("POST", "/api/accounts", person)
    window = await browser.new_context(reduced_motion="reduce")
    complaints.listen(window)
    try:
        headers = {"X-Sagews": "1", "Content-Type": "application/json"}
        answer = await window.request.post(f"{site.url}/api/sign-in", data=json.dumps(person), headers=headers)
        assert answer.ok
        yield window
    finally:
        await window.close()


async def share_page(page: Page, site: SoloSite, workspace: str) -> None:
    await page.goto(f"{site.url}/workspaces/{workspace}")
    await page.get_by_role("link", name="Share").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Share “")


async def test_somebody_is_added_and_removed_while_the_page_is_open(
    browser: Browser, worksheet: WorksheetPage, complaints: Complaints
) -> None:
    site, workspace, page = worksheet.site, worksheet.workspace, worksheet.page
    await worksheet.run(1, "1 + 1")
    await share_page(page, site, workspace)
    async with window_of(browser, site, "Emmy of sharing", complaints) as window:
        # By keyboard only.
        await page.get_by_label("Name or mail address").focus()
        await page.keyboard.type("emmy OF sharing")
        await page.keyboard.press("Enter")
        row = page.get_by_role("listitem").filter(has_text="Emmy of sharing")
        await expect(row.get_by_label("Role of Emmy of sharing")).to_have_value("collaborator")
        hers = WorksheetPage(await window.new_page(), site, workspace)
        await hers.open()
        await hers.write(1, "2 + 2")
        text = await window.new_page()
        await text.goto(f"{site.url}/workspaces/{workspace}/notes.txt?new")
        await expect(text.get_by_role("main").locator(".cm-content")).to_be_focused()
        await row.get_by_role("button", name="Remove Emmy of sharing").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(row).to_have_count(0)
        for left in (hers.page, text):
            await expect(left.get_by_role("main")).to_contain_text("is not shared with you any more")


async def test_a_link_lets_somebody_in(
    browser: Browser, page: Page, site: SoloSite, workspace: str, complaints: Complaints
) -> None:
    complaints.allow("404 .Not Found.")
    await share_page(page, site, workspace)
    await page.get_by_role("button", name="Make a link").click()
    link = await page.get_by_label("Link of the invitation").input_value()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("list", name="Open invitations")).to_contain_text("one person")
    async with window_of(browser, site, "Kurt of links", complaints) as window:
        theirs = await window.new_page()
        await theirs.goto(link)
        await expect(theirs.get_by_role("main")).to_contain_text("change nothing")
        await theirs.get_by_role("button", name="Accept").click()
        await expect(theirs).to_have_url(f"{site.url}/workspaces/{workspace}")
        await theirs.goto(f"{site.url}/")
        await theirs.goto(link)
        await expect(theirs.get_by_role("alert")).to_contain_text("used already")
        await theirs.goto(f"{site.url}/share/{workspace}")
        await theirs.get_by_role("button", name="Leave this workspace").click()
        await theirs.get_by_role("dialog").get_by_role("button", name="Leave").click()
        await expect(theirs).to_have_url(f"{site.url}/")
    await page.reload()
    await expect(page.get_by_role("listitem").filter(has_text="Kurt of links")).to_have_count(0)


async def test_a_password_is_changed_and_reset(browser: Browser, site: SoloSite, complaints: Complaints) -> None:
    complaints.allow("40[13] .")
    async with window_of(browser, site, "Ada of passwords", complaints) as window:
        hers = await window.new_page()
        await hers.goto(f"{site.url}/account")
        await hers.get_by_label("Password now").fill("wrong password")
        await hers.locator("#new-password").fill("another-password")
        await hers.get_by_role("button", name="Change the password").click()
        await expect(hers.get_by_role("alert")).to_contain_text("The password is wrong")
        await hers.get_by_label("Password now").fill(PASSWORD)
        await hers.get_by_role("button", name="Change the password").click()
        await expect(hers.get_by_test_id("messages")).to_contain_text("The password is changed")
        found = site.call("GET", "/api/admin/accounts?text=Ada%20of%20passwords")["accounts"]
        link = site.call("POST", f"/api/accounts/{found[0]['id']}/reset-link")["link"]
        await hers.goto(link)
        await hers.locator("#reset-password").fill("a-third-password")
        await hers.keyboard.press("Enter")
        await hers.get_by_role("link", name="Sign in").click()
        await hers.get_by_label("Name").fill("ada of passwords")
        await hers.get_by_label("Password").fill("a-third-password")
        await hers.keyboard.press("Enter")
        await expect(hers.get_by_test_id("account-name")).to_have_text("Ada of passwords")


async def test_an_account_ends_and_says_what_becomes_of_what_is_shared(
    browser: Browser, site: SoloSite, complaints: Complaints
) -> None:
    complaints.allow("40[13] .|WebSocket")
    async with window_of(browser, site, "Kurt who leaves", complaints) as window:
        his = await window.new_page()
        await his.goto(site.url)
        await his.get_by_role("button", name="New workspace").click()
        await his.get_by_label("Name").fill("Given away")
        await his.get_by_role("button", name="Create").click()
        await his.get_by_role("link", name="Share").click()
        solo = {"account": "solo", "role": "reader"}
        workspace = his.url.rpartition("/")[2]
        await his.evaluate(
            """async ([place, body]) => fetch(place, {method: "PATCH", body: JSON.stringify(body),
               headers: {"X-Sagews": "1", "Content-Type": "application/json"}})""",
            [f"/api/workspaces/{workspace}/permissions", solo],
        )
        await his.goto(f"{site.url}/account")
        await his.get_by_role("button", name="Delete my account").click()
        await his.get_by_label("“Given away”").select_option("solo")
        await his.get_by_label("Your password").fill(PASSWORD)
        await his.get_by_role("button", name="Delete everything").click()
        await expect(his).to_have_url(f"{site.url}/sign-in")
        assert site.call("GET", f"/api/workspaces/{workspace}")["role"] == "owner"


async def test_a_token_is_shown_once_and_revoked(page: Page, site: SoloSite) -> None:
    await page.goto(f"{site.url}/account")
    await page.get_by_label("What it is for").fill("my script")
    await page.get_by_role("button", name="Make a token").click()
    secret = await page.get_by_label("Token", exact=True).input_value()
    headers = {"Authorization": f"Bearer {secret}"}
    assert (await page.request.get(f"{site.url}/api/me", headers=headers)).ok
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Revoke my script").click()
    await expect(page.get_by_role("button", name="Revoke my script")).to_have_count(0)
    assert (await page.request.get(f"{site.url}/api/me", headers=headers)).status == 401
