"""Interrupt, restart, questions of a program, several people, keys, small screens."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.acceptance.browsing import Complaints, WorksheetPage

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

WITHOUT_WEBSOCKETS = "delete window.WebSocket;"
KEY_MILLISECONDS = 30
PHONE_WIDTH = 390
ACTIVE = """from IPython.display import HTML
HTML('''<b>bold</b><script>
try { top.document.title = "taken" } finally { document.body.dataset.tried = "yes" }
</script>''')
"""
NAMES = "[...document.querySelectorAll('button')].filter(b => !(b.ariaLabel || b.title || b.innerText).trim()).length"


async def test_a_long_computation_is_interrupted_and_the_session_stays(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "x = 5")
    await worksheet.start(2, "factor(2^1000+1)")
    await expect(worksheet.session).to_have_text(re.compile("busy"))
    await worksheet.button("Interrupt").click()
    await worksheet.ends(2, "interrupted")
    await worksheet.run(3, "x")
    await worksheet.shows(3, "5\n")


async def test_restart_forgets_variables_and_keeps_cells(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "x = 41\nprint(x)")
    await worksheet.button("Restart").click()
    await worksheet.page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    await expect(worksheet.session).to_have_text("idle")
    await worksheet.shows(1, "41\n")
    await worksheet.run(2, "x + 1")
    await worksheet.shows(2, "x + 1\n")  # Sage's own variable again


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


async def test_an_answer_can_be_typed_at_once_where_the_cell_has_the_focus(worksheet: WorksheetPage) -> None:
    await worksheet.write(1, "print(2 * int(input('How many? ')))")
    await worksheet.page.keyboard.press("Control+Enter")
    field = worksheet.page.get_by_test_id("input-prompt").get_by_role("textbox")
    await expect(field).to_be_focused()
    await worksheet.page.keyboard.type("21")
    await worksheet.page.keyboard.press("Enter")
    await worksheet.ends(1)
    await expect(worksheet.output(1)).to_contain_text("42")


async def test_a_question_takes_the_focus_out_of_no_other_text(worksheet: WorksheetPage) -> None:
    await worksheet.start(1, "print(input('Who? '))")  # which puts the cursor into the next cell
    await expect(worksheet.page.get_by_test_id("input-prompt")).to_be_visible()
    await expect(worksheet.source(2)).to_be_focused()
    await worksheet.button("Interrupt").click()
    await worksheet.ends(1, "interrupted")


async def test_two_people_type_in_one_cell_at_once(worksheet: WorksheetPage, context: BrowserContext) -> None:
    other = WorksheetPage(await context.new_page(), worksheet.site, worksheet.workspace)
    await other.open()
    await worksheet.write(1, "+")
    await expect(other.source(1)).to_contain_text("+")
    await asyncio.gather(_types(worksheet, "Home", "1" * 20), _types(other, "End", "2" * 20))
    for sheet in (worksheet, other):
        await expect(sheet.source(1)).to_contain_text("1" * 20)
        await expect(sheet.source(1)).to_contain_text("2" * 20)
        await expect(sheet.saving).to_have_text("all changes saved")
    await worksheet.page.keyboard.press("Shift+Enter")
    for sheet in (worksheet, other):
        await sheet.shows(1, "3" * 20 + "\n")


async def _types(sheet: WorksheetPage, key: str, text: str) -> None:
    """As fast as one types, from one end of the first cell."""
    await sheet.source(1).click()
    await sheet.page.keyboard.press(f"ControlOrMeta+{key}")
    await sheet.page.keyboard.type(text, delay=KEY_MILLISECONDS)


async def test_it_works_without_websockets(context: BrowserContext, worksheet: WorksheetPage) -> None:
    page = await context.new_page()
    await page.add_init_script(WITHOUT_WEBSOCKETS)
    polling = WorksheetPage(page, worksheet.site, worksheet.workspace)
    await polling.open()
    assert await page.evaluate("typeof WebSocket") == "undefined"
    await polling.run(1, "factor(2^64+1)")
    await polling.shows(1, "274177 * 67280421310721\n")


async def test_text_cells_show_formulas_and_no_scripts(worksheet: WorksheetPage, complaints: Complaints) -> None:
    complaints.allow(r"404 .*/files/x\)")  # the picture that is not there
    complaints.allow('Blocked a frame with origin "null"')  # the script that tried
    # Newer Chromium says so already of the document without a window in which handlers are found and removed.
    complaints.allow(r"Executing inline event handler violates .* The action has been blocked")
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
    picture = rendered.locator("img")
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.get_attribute("onerror") is None
    await worksheet.run(2, ACTIVE)
    frame = worksheet.output(2).locator("iframe")
    await expect(frame).to_have_attribute("sandbox", re.compile("allow-scripts"))
    assert "allow-same-origin" not in (await frame.get_attribute("sandbox") or "")
    await frame.scroll_into_view_if_needed()
    await expect(frame.content_frame.locator("body")).to_have_attribute("data-tried", "yes")
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
    page, workspace = worksheet.page, worksheet.workspace
    await worksheet.run(1, "plot(sin, (0, 7))")
    await expect(worksheet.saving).to_have_text("all changes saved")
    await page.set_viewport_size({"width": PHONE_WIDTH, "height": 800})
    await page.goto(worksheet.url)
    await expect(worksheet.output(1).locator("img")).to_have_js_property("complete", True)
    await expect(worksheet.button("Run all")).to_be_visible()
    await _fits(page)
    assert await page.locator(".toolbar").evaluate("bar => bar.scrollWidth - bar.clientWidth") == 0
    await page.goto(f"{worksheet.site.url}/workspaces/{workspace}")
    await expect(page.get_by_role("link", name="Test", exact=True)).to_be_visible()
    await _fits(page)
    await page.goto(worksheet.site.url)
    await expect(page.locator(f"[data-workspace-id='{workspace}']")).to_be_visible()
    await _fits(page)


async def _fits(page: Page) -> None:
    """Nothing is wider than the phone; every button has a name."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    assert await page.evaluate(NAMES) == 0, "every button has a name"
