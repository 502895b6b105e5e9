"""Closed tabs, dead backends and lost networks: what runs goes on, and nothing is missing on return."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.acceptance.browsing import Complaints, WorksheetPage
from tests.acceptance.solo import SoloSite

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

LOOP = "import time\nfor i in range({count}): print(i); time.sleep(float(0.25))"
MERGED = re.compile("mine .*first last.* yours")
"""With the name of who is typing somewhere in between."""
NETWORK = r"WebSocket connection|net::ERR|Failed to load resource"


def _lines(count: int) -> str:
    return "".join(f"{number}\n" for number in range(count))


async def test_a_closed_tab_stops_nothing(worksheet: WorksheetPage, context: BrowserContext) -> None:
    await worksheet.start(1, LOOP.format(count=16))
    await expect(worksheet.text(1)).to_contain_text("2\n")
    await worksheet.page.close()
    again = WorksheetPage(await context.new_page(), worksheet.site, worksheet.workspace)
    await again.open()
    await expect(again.text(1)).to_contain_text("0\n1\n2\n")
    await again.ends(1)
    await again.shows(1, _lines(16))


async def test_a_page_that_is_loaded_again_has_every_output(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "print('text')\n6 * 7")
    await worksheet.run(2, "plot(sin, (0, 7))")
    await worksheet.run(3, "show(integrate(sin(x)^2, x))")
    await worksheet.run(4, "1/0", status="error")
    picture = await worksheet.output(2).locator("img").get_attribute("src")
    formula = await worksheet.output(3).locator(".katex").text_content()
    assert picture
    assert formula
    error = await worksheet.text(4).text_content()
    await expect(worksheet.saving).to_have_text("all changes saved")
    await worksheet.page.reload()
    await expect(worksheet.cells).to_have_count(5)
    for number, status in enumerate(("ok", "ok", "ok", "error"), start=1):
        await worksheet.ends(number, status)
    assert await worksheet.text(1).all_text_contents() == ["text\n", "42\n"]
    await expect(worksheet.output(2).locator("img")).to_have_attribute("src", picture)
    await expect(worksheet.output(3).locator(".katex")).to_have_js_property("textContent", formula)
    await worksheet.shows(4, error or "")


async def test_two_tabs_show_the_same_while_it_runs(worksheet: WorksheetPage, context: BrowserContext) -> None:
    await worksheet.start(1, LOOP.format(count=24))
    await expect(worksheet.text(1)).to_contain_text("2\n")
    other = WorksheetPage(await context.new_page(), worksheet.site, worksheet.workspace)
    await other.open()
    await expect(other.cell(1)).to_have_attribute("data-status", "running")
    shown = await worksheet.text(1).text_content() or ""
    assert _lines(24).startswith(shown)
    await expect(other.text(1)).to_contain_text(shown)
    for sheet in (worksheet, other):
        await sheet.ends(1)
        await sheet.shows(1, _lines(24))


async def test_a_killed_backend_loses_no_line(worksheet: WorksheetPage, site: SoloSite, complaints: Complaints) -> None:
    complaints.allow(NETWORK)
    await worksheet.start(1, LOOP.format(count=16))
    await expect(worksheet.text(1)).to_contain_text("2\n")
    site.kill("sagews.backend")
    await worksheet.ends(1)
    await worksheet.shows(1, _lines(16))
    await expect(worksheet.connection).to_have_text("connected")
    await worksheet.run(2, "6 * 7")
    await worksheet.shows(2, "42\n")


async def test_edits_made_offline_are_shown_as_unsaved_and_merge_on_return(
    worksheet: WorksheetPage, browser: Browser, complaints: Complaints
) -> None:
    complaints.allow(NETWORK)
    await worksheet.write(1, "first last")
    await expect(worksheet.saving).to_have_text("all changes saved")
    # Chromium's offline mode leaves open websockets alone, so this person has none.
    train = await browser.new_context()
    await train.add_init_script("delete window.WebSocket;")
    await train.request.get(worksheet.site.sign_in_url)
    away = WorksheetPage(await train.new_page(), worksheet.site, worksheet.workspace)
    await away.open()
    await train.set_offline(True)
    await away.source(1).click()
    await away.page.keyboard.press("ControlOrMeta+Home")
    await away.page.keyboard.insert_text("mine ")
    await expect(away.connection).to_contain_text("offline")
    await expect(away.saving).to_contain_text("not saved")
    await worksheet.source(1).click()
    await worksheet.page.keyboard.press("ControlOrMeta+End")
    await worksheet.page.keyboard.insert_text(" yours")
    await train.set_offline(False)
    for sheet in (away, worksheet):
        await expect(sheet.source(1)).to_have_text(MERGED)
        await expect(sheet.saving).to_have_text("all changes saved")
    await train.close()


async def test_a_dead_session_says_why_and_starts_again(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "x = 5; x")
    await worksheet.start(2, "import ctypes; ctypes.string_at(int(0))")
    await worksheet.ends(2, "died")
    await expect(worksheet.session).to_contain_text("SIGSEGV")
    await worksheet.button("Start again").click()
    await expect(worksheet.session).to_have_text("idle")
    await worksheet.shows(1, "5\n")
    await worksheet.run(3, "1 + 1")
    await worksheet.shows(3, "2\n")


async def test_a_killed_zygote_says_why_and_the_session_starts_again(worksheet: WorksheetPage, site: SoloSite) -> None:
    await worksheet.run(1, "x = 5; x")
    zygote = site.zygote("sage")
    zygote.kill()
    await expect(worksheet.session).to_contain_text("its zygote (sage) died")
    await expect(worksheet.messages).to_contain_text("Cells and files are kept")
    await worksheet.button("Start again").click()
    await expect(worksheet.session).to_have_text("idle", timeout=60_000)
    await expect(worksheet.messages).to_be_empty()
    await worksheet.shows(1, "5\n")
    await worksheet.run(2, "1 + 1")
    await worksheet.shows(2, "2\n")
    assert site.zygote("sage").pid != zygote.pid


async def test_a_killed_worker_is_told_and_the_worksheet_comes_back(
    worksheet: WorksheetPage, site: SoloSite, complaints: Complaints
) -> None:
    complaints.allow(NETWORK)
    await worksheet.write(1, "print('kept')")
    await expect(worksheet.saving).to_have_text("all changes saved")
    site.kill("sagews.worker")
    await expect(worksheet.connection).to_contain_text("worker")
    await expect(worksheet.connection).to_have_text("connected", timeout=60_000)
    await expect(worksheet.source(1)).to_have_text("print('kept')")
    await worksheet.page.keyboard.press("Escape")
    await worksheet.source(1).click()
    await worksheet.page.keyboard.press("Shift+Enter")
    await worksheet.ends(1)
    await worksheet.shows(1, "kept\n")
