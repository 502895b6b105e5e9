"""How long from clicking "New worksheet" to the first Sage answer on the page?"""

from __future__ import annotations

import time
from pathlib import Path

from playwright.async_api import Page, async_playwright

from benchmarks.rows import Row, median, quantile
from benchmarks.site import Site

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = (
    "--no-sandbox", "--disable-background-networking", "--disable-quic", "--disable-component-update", "--disable-sync",
)  # fmt: skip


async def measure(site: Site, quick: bool) -> list[Row]:
    """The page types and runs `1+1` as soon as there is a cell; a workspace page is open before."""
    if not CHROMIUM.exists():
        print(f"left out: {CHROMIUM} is not installed (make bench installs it as root)")
        return []
    async with site.client() as client:
        workspace = (await client.call("POST", "/api/workspaces", {"name": "benchmark"}))["id"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(OPTIONS))
        page = await browser.new_page()
        await page.goto(site.sign_in_url)
        times = [await _one(page, f"{site.url}/workspaces/{workspace}") for _ in range(3 if quick else 15)]
        await browser.close()
    return [
        Row("browser: New worksheet to first answer, p50", "ms", median(times), budget=300),
        Row("browser: New worksheet to first answer, p95", "ms", quantile(times, 0.95)),
    ]


async def _one(page: Page, address: str) -> float:
    await page.goto(address)
    button = page.get_by_role("button", name="New worksheet")
    await button.wait_for()
    await page.wait_for_load_state("networkidle")
    started = time.perf_counter()
    await button.click()
    await page.locator("[data-cell-id] .cm-content").first.wait_for()
    await page.keyboard.type("1+1")
    await page.keyboard.press("Shift+Enter")
    await page.locator(".cell-output", has_text="2").first.wait_for()
    return (time.perf_counter() - started) * 1000
