"""Widgets: sliders and Sage's `@interact`, for everybody who has the worksheet open, and after a reload."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import BrowserContext, Locator, expect

from tests.acceptance.browsing import CALCULATION_MILLISECONDS, WorksheetPage

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

PLOT = """@interact
def f(n=(1..10)):
    print('n is', n)
    show(plot(sin(n*x), (x, 0, 7)))
"""
HANDLER = """import ipywidgets
s = ipywidgets.IntSlider(value=3, max=20, description='size')
s.observe(lambda change: None, 'value')
s
"""


def _slider(place: Locator) -> Locator:
    return place.get_by_role("slider")


async def _moves_to(sheet: WorksheetPage, number: int, steps: int) -> None:
    """With the keyboard."""
    await _slider(sheet.output(number)).focus()
    for _ in range(steps):
        await sheet.page.keyboard.press("ArrowRight")


async def _shows_plot_of(sheet: WorksheetPage, number: int, n: int) -> None:
    text = sheet.output(number).locator(".widget-output .output-text")
    await expect(text).to_have_text(re.compile(rf"^n is {n}\s*$"), timeout=CALCULATION_MILLISECONDS)
    await expect(sheet.output(number).locator(".widget-output img")).to_have_count(1)


async def test_a_slider_moves_the_plot_also_after_a_reload(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, PLOT)
    await _shows_plot_of(worksheet, 1, 1)
    first = await worksheet.output(1).locator(".widget-output img").get_attribute("src")
    await _moves_to(worksheet, 1, 3)
    await _shows_plot_of(worksheet, 1, 4)
    assert await worksheet.output(1).locator(".widget-output img").get_attribute("src") != first
    await worksheet.open()
    await _shows_plot_of(worksheet, 1, 4)
    await _moves_to(worksheet, 1, 5)
    await _shows_plot_of(worksheet, 1, 9)


async def test_a_slider_has_the_value_that_it_had_last(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, HANDLER)
    await _moves_to(worksheet, 1, 14)
    await expect(worksheet.output(1).locator(".widget-readout")).to_have_text("17")
    await expect(worksheet.session).to_have_text("idle")
    await worksheet.run(2, "s.value")
    await worksheet.shows(2, "17\n")
    await worksheet.run(3, "s.value = 5")
    await expect(worksheet.output(1).locator(".widget-readout")).to_have_text("5")


async def test_everybody_sees_a_widget_move(worksheet: WorksheetPage, context: BrowserContext) -> None:
    other = WorksheetPage(await context.new_page(), worksheet.site, worksheet.workspace)
    await worksheet.run(1, PLOT)
    await other.open()
    await _shows_plot_of(other, 1, 1)
    await _moves_to(worksheet, 1, 2)
    await _shows_plot_of(other, 1, 3)
    await _moves_to(other, 1, 1)
    await _shows_plot_of(worksheet, 1, 4)


async def test_a_widget_says_that_its_session_is_over(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, PLOT)
    await _shows_plot_of(worksheet, 1, 1)
    await worksheet.button("Restart").click()
    await worksheet.page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    await expect(worksheet.output(1)).to_contain_text("run the cell to use it")
    await expect(worksheet.output(1)).to_contain_text("Interactive function")
    await worksheet.open()
    await expect(worksheet.output(1)).to_contain_text("run the cell to use it")
    await worksheet.run(1, PLOT)
    await _shows_plot_of(worksheet, 1, 1)
