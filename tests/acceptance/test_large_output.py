"""Much text and odd text: what is shown is right, and the whole of it is kept."""

from __future__ import annotations

import io
from typing import Any

import pytest
from playwright.async_api import expect
from tqdm import tqdm

from tests.acceptance.browsing import WorksheetPage

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

MUCH = "print('a' * 5000000)"
"""So much that the page shows a part, and a link to the whole."""
BAR: dict[str, Any] = {
    "ascii": True,
    "ncols": 40,
    "mininterval": 0,
    "miniters": 1,
    "bar_format": "{l_bar}{bar}|{n_fmt}/{total_fmt}",
}


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
    said = worksheet.cell(1).get_by_test_id("output-cut")
    before = await said.inner_text()
    assert "more (of" in before
    assert "200,000 lines" in before
    await worksheet.page.reload()
    await expect(said).to_have_text(before)


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


async def test_the_whole_output_has_every_control_character(worksheet: WorksheetPage) -> None:
    odd = bytes(range(128)) + "é𝔸😀".encode() + b"\x00\r\n\xff\x00"
    await worksheet.run(1, f"import os\nfor i in range(2): os.write(1, {odd!r})\n{MUCH}")
    await expect(worksheet.output(1)).to_contain_text("aaa")
    assert await _whole(worksheet, 1) == odd.replace(b"\xff", "\ufffd".encode()) * 2 + b"a" * 5_000_000 + b"\n"


async def test_the_whole_output_has_every_step_of_a_progress_bar(worksheet: WorksheetPage) -> None:
    await worksheet.run(1, f"from tqdm import tqdm\nfor i in tqdm(range(50), **{BAR}): pass\n{MUCH}")
    steps = io.StringIO()
    for _ in tqdm(range(50), file=steps, **BAR):
        pass
    assert steps.getvalue().count("\r") > 50
    assert await _whole(worksheet, 1) == steps.getvalue().encode() + b"a" * 5_000_000 + b"\n"
