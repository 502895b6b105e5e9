"""The files of a workspace, in a browser: uploads, folders, names, texts, and what appears by itself."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.acceptance.browsing import Complaints, WorksheetPage
from tests.acceptance.solo import SoloSite

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

DROP = """
async ([selector, name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    const target = document.querySelector(selector);
    for (const type of ["dragenter", "dragover", "drop"]) {
        target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
}
"""


def _row(page: Page, path: str) -> Locator:
    return page.locator(f"[data-path={path!r}]")


async def _open(page: Page, site: SoloSite, workspace: str, folder: str = "") -> None:
    await page.goto(f"{site.url}/workspaces/{workspace}" + (f"?folder={folder}" if folder else ""))
    await expect(page.locator("[aria-busy]")).to_have_count(0)


async def _answer(page: Page, text: str, button: str) -> None:
    dialog = page.get_by_role("dialog")
    if text:
        await dialog.get_by_role("textbox").fill(text)
    await dialog.get_by_role("button", name=button, exact=True).click()
    await expect(dialog).to_have_count(0)


def _put(site: SoloSite, workspace: str, path: str, data: bytes) -> None:
    request = urllib.request.Request(f"{site.url}/api/workspaces/{workspace}/files/{path}", data, method="PUT")
    request.add_header("Authorization", f"Bearer {site.token}")
    urllib.request.urlopen(request, timeout=30).close()


def _read(site: SoloSite, workspace: str, path: str) -> bytes:
    return site.fetch("GET", f"/api/workspaces/{workspace}/files/{path}")


def _files(*named: tuple[str, bytes]) -> list[Any]:
    return [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in named]


async def test_several_files_are_uploaded_and_one_that_is_there_is_asked_about(
    page: Page, site: SoloSite, workspace: str, complaints: Complaints
) -> None:
    complaints.allow("409")
    large = b"0123456789abcdef" * 300_000
    await _open(page, site, workspace)
    await page.get_by_test_id("upload").set_input_files(_files(("large.bin", large), ("🧶 -rf.txt", b"1")))
    await expect(_row(page, "large.bin")).to_contain_text("4.8 MB")
    await expect(_row(page, "🧶 -rf.txt")).to_be_visible()
    assert _read(site, workspace, "large.bin") == large
    await page.get_by_test_id("upload").set_input_files(_files(("large.bin", b"small")))
    upload = page.locator("[data-upload='large.bin']")
    await expect(upload).to_contain_text("There is a file with this name already")
    assert _read(site, workspace, "large.bin") == large
    await page.get_by_role("button", name="Replace large.bin").press("Enter")
    await expect(upload).to_have_count(0)
    await expect(_row(page, "large.bin")).to_contain_text("5 bytes")


async def test_what_is_refused_names_the_file_and_the_limit(
    page: Page, site: SoloSite, workspace: str, complaints: Complaints, tmp_path: Path
) -> None:
    complaints.allow("413")
    with (tmp_path / "huge.iso").open("wb") as file:
        file.truncate(2**30)
    await _open(page, site, workspace)
    await page.get_by_test_id("upload").set_input_files(tmp_path / "huge.iso")
    upload = page.locator("[data-upload='huge.iso']")
    await expect(upload).to_contain_text("'huge.iso' has 1 GiB; a file may have 100 MiB.")
    await page.get_by_role("button", name="Dismiss huge.iso").click()
    await expect(upload).to_have_count(0)


async def test_folders_renaming_moving_and_deleting(page: Page, site: SoloSite, workspace: str) -> None:
    await _open(page, site, workspace)
    await page.get_by_role("button", name="New folder").click()
    await _answer(page, "data", "Create")
    await page.evaluate(DROP, ["main", "a.csv", "1,2"])
    await page.get_by_role("button", name="Rename a.csv", exact=True).click()
    await _answer(page, "data/b.csv", "Rename")
    await expect(_row(page, "a.csv")).to_have_count(0)
    await _row(page, "data").get_by_role("link").click()
    await expect(page).to_have_url(re.compile("folder=data"))
    await expect(_row(page, "data/b.csv")).to_be_visible()
    await page.evaluate(DROP, ["main", "c.csv", "3"])
    await expect(_row(page, "data/c.csv")).to_be_visible()
    await page.get_by_role("button", name="Delete b.csv", exact=True).click()
    await _answer(page, "", "Delete")
    await expect(_row(page, "data/b.csv")).to_have_count(0)
    await page.get_by_role("navigation", name="Folder").get_by_role("link").click()
    await page.get_by_role("button", name="Delete data", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("with all that is in it")
    await _answer(page, "", "Delete")
    await expect(page.locator("main")).to_contain_text("There is nothing here yet")


async def test_what_a_session_writes_appears_by_itself(context: BrowserContext, worksheet: WorksheetPage) -> None:
    other = await context.new_page()
    await _open(other, worksheet.site, worksheet.workspace)
    await worksheet.run(1, "with open('made.csv', 'w') as file: _ = file.write('1,2,3')")
    await expect(_row(other, "made.csv")).to_contain_text("5 bytes")
    await worksheet.run(2, "import os; os.rename('made.csv', 'other.csv')")
    await expect(_row(other, "other.csv")).to_be_visible()
    await expect(_row(other, "made.csv")).to_have_count(0)


async def test_a_text_is_edited_by_two_and_by_a_program(
    context: BrowserContext, page: Page, site: SoloSite, workspace: str
) -> None:
    await _open(page, site, workspace)
    await page.get_by_role("button", name="New text file").click()
    await _answer(page, "program.sage", "Create")
    text = page.get_by_role("textbox", name="Text of program.sage")
    await text.click()
    await page.keyboard.insert_text("x = 1\n")
    await expect(page.get_by_test_id("save-state")).to_have_text("all changes saved")
    other = await context.new_page()
    await other.goto(page.url)
    theirs = other.get_by_role("textbox", name="Text of program.sage")
    await expect(theirs).to_contain_text("x = 1")
    await theirs.click()
    await other.keyboard.press("ControlOrMeta+End")
    await other.keyboard.insert_text("y = 2\n")
    await expect(text).to_contain_text("y = 2")
    await other.keyboard.press("ControlOrMeta+s")
    await page.goto(f"{site.url}/workspaces/{workspace}")
    await expect(_row(page, "program.sage")).to_contain_text("12 bytes")
    _put(site, workspace, "program.sage", b"x = 1\ny = 2\nz = 3\n")
    await expect(theirs).to_contain_text("z = 3")
    await page.get_by_role("button", name="Make a worksheet of program.sage").click()
    await expect(_row(page, "program.ipynb")).to_be_visible()


async def test_a_worksheet_is_downloaded_as_a_page(worksheet: WorksheetPage) -> None:
    page = worksheet.page
    await worksheet.run(1, "6 * 7")
    await page.goto(f"{worksheet.site.url}/workspaces/{worksheet.workspace}")
    await page.get_by_role("button", name="Download Test", exact=True).click()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Page (.html)").click()
    download = await downloading.value
    assert download.suggested_filename == "Test.html"
    assert ">42<" in Path(await download.path()).read_text().replace("\n", "")


async def test_a_folder_of_many_files_is_searched_and_used_by_keyboard(
    page: Page, site: SoloSite, workspace: str
) -> None:
    _put(site, workspace, "many/00000.txt", b"")
    [place] = (site.data / "worker.0" / "workspaces" / workspace / "files").glob("many")
    for number in range(1, 20_000):
        (place / f"{number:05}.txt").touch()
    await _open(page, site, workspace, "many")
    await expect(page.locator(".more-files")).to_contain_text("300 of 20000 are shown")
    await page.get_by_role("searchbox").fill("1234")
    await expect(page.locator("[data-path]")).to_have_count(12)
    await page.get_by_role("link", name="01234.txt").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("link", name="11234.txt")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("link", name="01234.txt")).to_be_focused()
    await page.get_by_role("searchbox").fill("")
    await page.get_by_role("button", name="Show more").click()
    await expect(page.locator(".more-files")).to_contain_text("900 of 20000 are shown")
