"""Somebody opens the address that was printed, and calculates in a new worksheet."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.acceptance.browsing import Complaints, WorksheetPage
from tests.acceptance.solo import SoloSite

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

BROKEN = "def half(n):\n    return n / (n - n)\nhalf(1)"


async def test_from_the_printed_address_to_answers(browser: Browser, site: SoloSite, complaints: Complaints) -> None:
    window = await browser.new_context()
    complaints.listen(window)
    page = await window.new_page()
    await page.goto(site.sign_in_url)
    await expect(page.get_by_role("heading", name="Workspaces")).to_be_visible()
    assert "token" not in page.url
    await page.get_by_role("button", name="New workspace").click()
    await page.get_by_label("Name", exact=True).fill("First steps")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    await page.get_by_role("button", name="New worksheet").click()
    sheet = WorksheetPage(page, site, "")
    await expect(sheet.source(1)).to_be_focused()
    await sheet.run(1, "factor(2^64+1)")
    await sheet.shows(1, "274177 * 67280421310721\n")
    await expect(sheet.session).to_have_text("idle")
    await window.close()


async def test_plot_is_a_picture(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "plot(sin, (0, 7))")
    picture = worksheet.output(1).locator("img")
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("image => image.naturalWidth") > 300
    assert await picture.get_attribute("alt")


async def test_formula_is_set(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "show(integrate(sin(x)^2, x))")
    output = worksheet.output(1)
    await expect(output.locator(".katex .katex-html")).to_be_visible()
    await expect(output.locator(".katex-error")).to_have_count(0)
    await expect(output.locator("math")).to_have_count(1)


async def test_loop_prints_its_lines(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "for i in range(5): print(i)")
    await worksheet.shows(1, "0\n1\n2\n3\n4\n")


async def test_traceback_shows_where_and_why(worksheet: WorksheetPage) -> None:
    output = await worksheet.run(1, "1/0", status="error")
    await expect(output).to_contain_text("ZeroDivisionError: rational division by zero")
    output = await worksheet.run(2, BROKEN, status="error")
    await expect(output).to_contain_text("in half(n)")
    await expect(output).to_contain_text("Cell")
    assert "\x1b" not in await output.inner_text()
    await worksheet.run(3, "2 + 2")
    await worksheet.shows(3, "4\n")
