"""Workspaces and worksheets get other names and are deleted, by what the pages offer."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.acceptance.browsing import WorksheetPage
from tests.acceptance.solo import SoloSite

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))


async def _rename(page: Page, button: str, name: str) -> None:
    await page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill(name)
    await dialog.get_by_role("button", name="Rename").click()


async def _delete(page: Page, name: str, answer: str) -> None:
    await page.get_by_role("button", name=f"Delete {name}", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(f"“{name}”")
    await dialog.get_by_role("button", name=answer, exact=True).click()
    await expect(dialog).to_have_count(0)


async def test_a_workspace_is_renamed_and_deleted(page: Page, site: SoloSite) -> None:
    workspace = site.new_workspace("Old name of a workspace")
    await page.goto(site.url)
    await _rename(page, "Rename Old name of a workspace", "Knots & <links>")
    await expect(_row(page, "Knots & <links>")).to_be_visible()
    await expect(_row(page, "Old name of a workspace")).to_have_count(0)
    await _delete(page, "Knots & <links>", "Cancel")
    assert site.call("GET", f"/api/workspaces/{workspace}")["name"] == "Knots & <links>"
    await _delete(page, "Knots & <links>", "Delete")
    await expect(_row(page, "Knots & <links>")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("heading", name="Workspaces")).to_be_visible()
    assert workspace not in [one["id"] for one in site.call("GET", "/api/workspaces")["workspaces"]]


async def test_a_worksheet_is_renamed_where_it_is_open(worksheet: WorksheetPage) -> None:
    page = worksheet.page
    await worksheet.run(1, "6 * 7")
    await _rename(page, "Rename Test", "Primes")
    await expect(page).to_have_url(re.compile(r"/Primes\.ipynb$"))
    await expect(page.get_by_role("button", name="Rename Primes", exact=True)).to_be_visible()
    await worksheet.run(2, "7 * 7")
    await worksheet.shows(2, "49\n")
    await expect(worksheet.saving).to_have_text("all changes saved")
    await page.reload()
    await worksheet.shows(1, "42\n")
    await worksheet.shows(2, "49\n")


async def test_a_worksheet_is_renamed_and_deleted_in_its_workspace(worksheet: WorksheetPage) -> None:
    page = worksheet.page
    await worksheet.run(1, "6 * 7")
    await expect(worksheet.saving).to_have_text("all changes saved")
    await page.goto(f"{worksheet.site.url}/workspaces/{worksheet.workspace}")
    await _rename(page, "Rename Test", "Primes")
    await expect(_row(page, "Test")).to_have_count(0)
    await _row(page, "Primes").get_by_role("link").click()
    await worksheet.shows(1, "42\n")
    await page.go_back()
    await _delete(page, "Primes", "Cancel")
    await expect(_row(page, "Primes")).to_be_visible()
    await _delete(page, "Primes", "Delete")
    await expect(_row(page, "Primes")).to_have_count(0)
    await page.goto(f"{worksheet.site.url}/workspaces/{worksheet.workspace}/Primes.ipynb")
    await expect(page.locator("main")).to_contain_text("Primes.ipynb")
    await expect(worksheet.cells).to_have_count(0)
