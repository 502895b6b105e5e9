"""Somebody looks at the versions of a worksheet, compares them, names one and goes back: with the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.acceptance.browsing import WorksheetPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def press(page: Page, name: str, key: str = "Enter") -> None:
    """Press a button as who has no mouse: it must be reached by Tab."""
    wanted = page.get_by_role("button", name=name, exact=True).first
    await expect(wanted).to_be_visible()
    for _ in range(60):
        if await wanted.evaluate("element => element === document.activeElement"):
            return await page.keyboard.press(key)
        await page.keyboard.press("Tab")
    pytest.fail(f"{name} is not reached by Tab")


async def test_versions_are_looked_at_compared_named_and_gone_back_to(worksheet: WorksheetPage) -> None:
    page = worksheet.page
    await worksheet.write(1, "x = 1\nx")
    await page.keyboard.press("ControlOrMeta+s")
    await expect(worksheet.saving).to_have_text("all changes saved")
    await worksheet.button("History").click()
    await expect(page.get_by_role("heading", name="History of Test")).to_be_visible()
    await expect(page.locator("[data-version]")).to_have_count(1)
    await page.go_back()
    await worksheet.write(1, "x = 2\nx")
    await expect(worksheet.saving).to_have_text("all changes saved")
    await worksheet.button("History").click()
    await expect(page.locator("[data-version]")).to_have_count(2)
    await press(page, "Change Test.ipynb")
    await press(page, "Test.ipynb")
    differences = page.get_by_role("group", name="Differences of Test.ipynb")
    await expect(differences.locator(".compared-line.deleted")).to_have_text("−deleted: x = 1\n", use_inner_text=False)
    await expect(differences.locator(".compared-line.added")).to_have_text("+added: x = 2\n", use_inner_text=False)
    await press(page, "Name the version Add Test.ipynb")
    await page.keyboard.type("Before the change")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Before the change", exact=True)).to_be_visible()
    await press(page, "Go back to the version Before the change")
    await page.keyboard.press("Tab")
    await press(page, "Go back")
    await expect(page.get_by_text("Everything is as it was in that version.")).to_be_visible()
    await expect(page.locator("[data-version]")).to_have_count(3)
    await page.get_by_role("link", name="To the worksheet").click()
    await expect(worksheet.source(1)).to_have_text("x = 1x")


async def test_a_phone_has_room_for_it(worksheet: WorksheetPage) -> None:
    page = worksheet.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await worksheet.write(1, "print('a long line in a cell of a worksheet that is wider than a phone is, by far')")
    await expect(worksheet.saving).to_have_text("all changes saved")
    await page.goto(f"{worksheet.site.url}/workspaces/{worksheet.workspace}?view=history")
    await page.get_by_role("button", name="Add Test.ipynb", exact=True).click()
    await page.get_by_role("button", name="Test.ipynb", exact=True).click()
    await expect(page.locator(".compared-line.added")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
