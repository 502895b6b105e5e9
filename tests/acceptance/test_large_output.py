"""Much text and odd text: what is shown is right, and the whole of it is kept."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.acceptance.browsing import WorksheetPage

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]


async def _whole(worksheet: WorksheetPage, number: int) -> bytes:
    link = worksheet.cell(number).get_by_test_id("output-cut").get_by_role("link")
    address = await link.first.get_attribute("href")
    assert address
    return await (await worksheet.page.request.get(f"{worksheet.site.url}{address}")).body()


async def test_a_line_of_five_megabytes(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "print('a' * 5000000 + 'z')")
    await expect(worksheet.output(1)).to_contain_text("aaaz")
    assert await _whole(worksheet, 1) == b"a" * 5_000_000 + b"z\n"


async def test_two_hundred_thousand_lines(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "for i in range(200000): print(i)")
    await expect(worksheet.output(1)).to_contain_text("0\n1\n2\n")
    await expect(worksheet.output(1)).to_contain_text("199998\n199999\n")
    assert await _whole(worksheet, 1) == b"".join(b"%d\n" % number for number in range(200_000))


async def test_bytes_that_are_no_text(worksheet: WorksheetPage) -> None:
    code = "import os\nos.write(1, bytes([255, 254]) + 'é𝔸😀'.encode() + b'a' + bytes(1) + b'b\\n'); None"
    output = await worksheet.run(1, code)
    shown = await output.text_content() or ""
    assert shown.startswith("\ufffd\ufffdé𝔸😀a")
    assert shown.endswith("b\n")


async def test_a_progress_bar_stays_on_its_line(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, "from tqdm import tqdm\nfor i in tqdm(range(50)): pass")
    text = (await worksheet.text(1).text_content() or "").strip()
    assert "50/50" in text
    assert "0/50" not in text.replace("50/50", "")
    assert "\n" not in text
