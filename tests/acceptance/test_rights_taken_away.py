"""A right that is taken away while its page is open: the page shows what the site has, and says so."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Browser, expect

from tests.acceptance.browsing import Complaints, WorksheetPage
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

PERSON = {"name": "Emmy of the test of rights", "password": "noether-1882"}


async def is_refused_to_type(sheet: WorksheetPage) -> bool:
    """Type one letter more, and see whether that is too much: what is taken away is gone within a second."""
    if await sheet.messages.inner_text():
        return True
    await sheet.page.keyboard.type("x")
    return False


async def typed(sheet: WorksheetPage) -> int:
    """How many letters the first cell has of those that `is_refused_to_type` typed (its owner's name has none)."""
    return (await sheet.source(1).inner_text()).count("x")


async def test_edits_of_somebody_who_became_a_reader_are_refused_and_taken_back(
    browser: Browser, worksheet: WorksheetPage, complaints: Complaints
) -> None:
    site, workspace = worksheet.site, worksheet.workspace
    await worksheet.run(1, "1 + 1")
    account = site.call("POST", "/api/accounts", PERSON)["id"]
    permissions = f"/api/workspaces/{workspace}/permissions"
    site.call("PATCH", permissions, {"account": account, "role": "collaborator"})
    window = await browser.new_context(reduced_motion="reduce")
    try:
        complaints.listen(window)
        signing_in = await window.request.post(
            f"{site.url}/api/sign-in",
            data=json.dumps(PERSON),
            headers={"X-Sagews": "1", "Content-Type": "application/json"},
        )
        assert signing_in.ok
        hers = WorksheetPage(await window.new_page(), site, workspace)
        await hers.open()
        await hers.write(1, "2 + 2")
        await expect(worksheet.source(1)).to_contain_text("2 + 2")

        site.call("PATCH", permissions, {"account": account, "role": "reader"})
        await eventually(lambda: is_refused_to_type(hers), within_seconds=10)
        await expect(hers.messages).to_contain_text(re.compile("may read this workspace, not change it.*not kept"))
        await expect(hers.source(1)).to_have_attribute("aria-readonly", "true")
        assert await typed(hers) == await typed(worksheet)

        site.call("PATCH", permissions, {"account": account, "role": "collaborator"})
        await hers.open()
        await hers.write(1, "4 + 4")
        await expect(worksheet.source(1)).to_contain_text("4 + 4")
    finally:
        await window.close()
