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
    await expect(again.text(1)).to_have_text(_lines(16))


async def test_a_killed_backend_loses_no_line(worksheet: WorksheetPage, site: SoloSite, complaints: Complaints) -> None:
    complaints.allow(NETWORK)
    await worksheet.start(1, LOOP.format(count=16))
    await expect(worksheet.text(1)).to_contain_text("2\n")
    site.kill("sagews.backend")
    await worksheet.ends(1)
    await expect(worksheet.text(1)).to_have_text(_lines(16))
    await expect(worksheet.connection).to_have_text("connected")
    await expect(await worksheet.run(2, "6 * 7")).to_have_text("42\n")


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
    await expect(away.connection).to_contain_text("offline", timeout=15_000)
    await expect(away.saving).to_contain_text("not saved")
    await worksheet.source(1).click()
    await worksheet.page.keyboard.press("ControlOrMeta+End")
    await worksheet.page.keyboard.insert_text(" yours")
    await train.set_offline(False)
    for sheet in (away, worksheet):
        await expect(sheet.source(1)).to_have_text(MERGED, timeout=15_000)
        await expect(sheet.saving).to_have_text("all changes saved")
    await train.close()


async def test_a_dead_session_says_why_and_starts_again(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "x = 5; x")
    await worksheet.start(2, "import ctypes; ctypes.string_at(int(0))")
    await worksheet.ends(2, "died")
    await expect(worksheet.session).to_contain_text("SIGSEGV")
    await worksheet.button("Start again").click()
    await expect(worksheet.session).to_have_text("idle")
    await expect(worksheet.text(1)).to_have_text("5\n")
    await expect(await worksheet.run(3, "1 + 1")).to_have_text("2\n")


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
    await expect(worksheet.text(1)).to_have_text("kept\n")
