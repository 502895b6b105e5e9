"""Interrupt, restart, questions of a program, several people, keys, small screens."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import BrowserContext, expect

from tests.acceptance.browsing import Complaints, WorksheetPage

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

WITHOUT_WEBSOCKETS = "delete window.WebSocket;"
NAMES = "[...document.querySelectorAll('button')].filter(b => !(b.ariaLabel || b.title || b.innerText).trim()).length"


async def test_a_long_computation_is_interrupted_and_the_session_stays(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "x = 5")
    await worksheet.start(2, "factor(2^1000+1)")
    await expect(worksheet.session).to_have_text(re.compile("busy"))
    await worksheet.button("Interrupt").click()
    await worksheet.ends(2, "interrupted")
    await expect(await worksheet.run(3, "x")).to_have_text("5\n")


async def test_restart_forgets_variables_and_keeps_cells(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "x = 41\nprint(x)")
    await worksheet.button("Restart").click()
    await worksheet.page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    await expect(worksheet.session).to_have_text("idle")
    await expect(worksheet.text(1)).to_have_text("41\n")
    output = await worksheet.run(2, "x + 1")
    await expect(output).to_have_text("x + 1\n")  # Sage's own variable again


async def test_a_program_asks_and_is_answered(worksheet: WorksheetPage) -> None:
    await worksheet.start(
        1, "name = input('Who? ')\nfrom getpass import getpass\nword = getpass('Word? ')\nprint(name, len(word))"
    )
    prompt = worksheet.page.get_by_test_id("input-prompt")
    await expect(prompt).to_contain_text("Who?")
    await prompt.get_by_role("textbox").fill("Ada")
    await worksheet.page.keyboard.press("Enter")
    await expect(prompt).to_contain_text("Word?")
    await expect(prompt.locator("input")).to_have_attribute("type", "password")
    await prompt.locator("input").fill("secret")
    await worksheet.page.keyboard.press("Enter")
    await worksheet.ends(1)
    await expect(worksheet.output(1)).to_contain_text("Ada 6")
    await expect(worksheet.output(1)).not_to_contain_text("secret")


async def test_two_people_type_in_one_cell_at_once(worksheet: WorksheetPage, context: BrowserContext) -> None:
    other = WorksheetPage(await context.new_page(), worksheet.site, worksheet.workspace)
    await other.open()
    for sheet, key, text in ((worksheet, "Home", "left"), (other, "End", "right")):
        await sheet.source(1).click()
        await sheet.page.keyboard.press(f"ControlOrMeta+{key}")
        await sheet.page.keyboard.type(text)
    for sheet in (worksheet, other):
        await expect(sheet.source(1)).to_contain_text("left")
        await expect(sheet.source(1)).to_contain_text("right")
    await worksheet.run(1, "2 + 3")
    await expect(other.text(1)).to_have_text("5\n")


async def test_it_works_without_websockets(context: BrowserContext, worksheet: WorksheetPage) -> None:
    page = await context.new_page()
    await page.add_init_script(WITHOUT_WEBSOCKETS)
    polling = WorksheetPage(page, worksheet.site, worksheet.workspace)
    await polling.open()
    assert await page.evaluate("typeof WebSocket") == "undefined"
    await expect(await polling.run(1, "factor(2^64+1)")).to_have_text("274177 * 67280421310721\n")


async def test_text_cells_show_formulas_and_no_scripts(worksheet: WorksheetPage, complaints: Complaints) -> None:
    complaints.allow(r"404 .*/files/x\)")  # the picture that is not there
    complaints.allow('Blocked a frame with origin "null"')  # the script that tried
    page = worksheet.page
    await worksheet.write(
        1, "# Title\n\n$x^2$ <script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    )
    await page.keyboard.press("Escape")
    await page.keyboard.press("m")
    await page.keyboard.press("Shift+Enter")
    rendered = worksheet.cell(1).get_by_test_id("rendered-markdown")
    await expect(rendered.get_by_role("heading", name="Title")).to_be_visible()
    await expect(rendered.locator(".katex")).to_be_visible()
    await worksheet.run(
        2, "from IPython.display import HTML\nHTML('<b id=bold>bold</b><script>top.document.title=\"taken\"</script>')"
    )
    await expect(worksheet.cell(2)).to_have_attribute("data-status", "ok")
    frame = worksheet.output(2).locator("iframe")
    await expect(frame).to_have_attribute("sandbox", re.compile("allow-scripts"))
    assert "allow-same-origin" not in (await frame.get_attribute("sandbox") or "")
    assert "taken" not in await page.title()


async def test_everything_can_be_done_by_keys(worksheet: WorksheetPage) -> None:
    page = worksheet.page
    await expect(worksheet.source(1)).to_be_focused()
    await page.keyboard.type("1 + 1")
    await page.keyboard.press("Alt+Enter")
    await worksheet.ends(1)
    await page.keyboard.type("2 + 2")
    await page.keyboard.press("Control+Enter")
    await worksheet.ends(2)
    await page.keyboard.press("Escape")
    await page.keyboard.press("a")
    await expect(worksheet.cells).to_have_count(3)
    await page.keyboard.press("d")
    await page.keyboard.press("d")
    await expect(worksheet.cells).to_have_count(2)


async def test_a_phone_shows_it_without_scrolling_sideways(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "plot(sin, (0, 7))")
    await worksheet.page.set_viewport_size({"width": 390, "height": 800})
    for address in (worksheet.url, f"{worksheet.site.url}/workspaces/{worksheet.workspace}", worksheet.site.url):
        await worksheet.page.goto(address)
        await expect(worksheet.page.locator("main, [data-cell-id]").first).to_be_visible()
        assert await worksheet.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await worksheet.page.evaluate(NAMES) == 0, "every button has a name"
