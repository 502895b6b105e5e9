"""Published pages in a real browser: they show mathematics with no session, and have no power over the site."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest
from playwright.async_api import BrowserContext, Request, expect

from tests.acceptance.browsing import Complaints, WorksheetPage
from tests.acceptance.solo import SoloSite

pytestmark = [pytest.mark.browser, pytest.mark.sage, pytest.mark.asyncio(loop_scope="session")]

V4 = nbformat.v4
SCENE = (
    "<iframe srcdoc=\"<script src='/nbextensions/threejs-sage/r122/three.min.js'></script>"
    '<p id=scene></p><script>scene.textContent = typeof THREE</script>" height="200"></iframe>'
)
HOSTILE = """
<p id="told"></p><img src="/api/me"><iframe src="/"></iframe>
<form id="form" method="post" action="/api/sign-out"></form>
<script>
  const told = {}
  const attempt = (name, what) => {
    try { told[name] = String(what()) } catch (error) { told[name] = error.name }
  }
  const later = async (name, what) => {
    try { told[name] = String(await what()) } catch (error) { told[name] = error.name }
  }
  attempt("origin", () => self.origin)
  attempt("cookie", () => document.cookie)
  attempt("storage", () => localStorage.length)
  attempt("opener", () => opener && opener.document.title)
  form.submit()
  const loaded = src => new Promise(done => {
    const script = document.createElement("script")
    script.onload = () => done("loaded")
    script.onerror = () => done("refused")
    script.src = src
    document.head.append(script)
  })
  const socket = () => new Promise((done, failed) => {
    const made = new WebSocket(location.href.replace("http", "ws").replace(/published.*/, "sockjs/websocket"))
    made.onopen = () => done("open")
    made.onerror = () => failed(new Error("refused"))
  })
  const asked = () => new Promise((done, failed) => {
    const request = new XMLHttpRequest()
    request.open("POST", "/api/workspaces")
    request.withCredentials = true
    request.onload = () => done(request.status)
    request.onerror = () => failed(new Error("refused"))
    request.send("{}")
  })
  Promise.all([
    later("fetch", async () => (await fetch("/api/me", {credentials: "include"})).status),
    later("request", asked),
    later("socket", socket),
    later("worker", () => navigator.serviceWorker.register("/published/assets/published.js")),
    later("script", () => loaded("/api/workspaces")),
  ]).then(() => { document.getElementById("told").textContent = JSON.stringify(told) })
</script>
"""


def publish(site: SoloSite, workspace: str, *outputs: str, listed: bool = False) -> dict[str, Any]:
    """Publish a worksheet with these HTML outputs."""
    cells = [V4.new_markdown_cell("# Rings\n\nwith $x^2 + \\QQ$")]
    cells += [
        V4.new_code_cell("1", outputs=[V4.new_output("display_data", data={"text/html": html})]) for html in outputs
    ]
    place = f"/api/workspaces/{workspace}"
    content = nbformat.writes(V4.new_notebook(cells=cells)).encode()
    site.put(f"{place}/files/Rings.ipynb", content)
    made: dict[str, Any] = site.call("POST", f"{place}/publications", {"path": "Rings.ipynb", "listed": listed})
    return made


async def test_a_page_has_no_power_over_the_site(
    context: BrowserContext, site: SoloSite, workspace: str, complaints: Complaints
) -> None:
    complaints.allow("")
    made = publish(site, workspace, HOSTILE)
    page = await context.new_page()
    requests: list[Request] = []

    def note(request: Request) -> None:
        requests.append(request)

    page.on("request", note)
    await page.goto(site.url + made["address"])
    told = page.locator("#told")
    await expect(told).to_contain_text('"origin":"null"')
    shown = await told.inner_text()
    for name in ("cookie", "storage"):
        assert f'"{name}":"SecurityError"' in shown
    assert '"opener":"null"' in shown
    for name in ("fetch", "request", "socket", "worker"):
        assert re.search(rf'"{name}":"\w*Error"', shown), shown
    assert '"script":"refused"' in shown
    # Its address is the same: the form was not sent. What it did load, it loaded as nobody.
    assert page.url == site.url + made["address"]
    assert f"{site.url}/api/me" in [request.url for request in requests]
    for request in requests[1:]:
        assert "cookie" not in await request.all_headers(), request.url
        if await request.response():
            assert request.method == "GET"
            assert "/published/" in request.url
    assert (await context.request.get(f"{site.url}/api/me")).ok
    await page.close()


async def test_a_page_shows_mathematics_with_no_session(
    context: BrowserContext, site: SoloSite, workspace: str
) -> None:
    made = publish(site, workspace, "<p>\\(\\frac{1}{2}\\)</p>", SCENE)
    page = await context.new_page()
    await page.goto(site.url + made["address"])
    await expect(page.locator(".prose .katex")).to_have_count(1)
    await expect(page.locator(".html .katex .mfrac")).to_have_count(1)
    await expect(page.frame_locator("iframe").locator("#scene")).to_have_text("object")
    await page.set_viewport_size({"width": 390, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.close()


async def test_a_worksheet_is_published_found_and_copied(worksheet: WorksheetPage) -> None:
    page, site = worksheet.page, worksheet.site
    await worksheet.run(1, "print(6 * 7)")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_label("What")).to_have_value("Test.ipynb")
    await page.get_by_role("main").get_by_role("button", name="Publish", exact=True).click()
    address = await page.get_by_label("Address").input_value()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("list", name="Published")).to_contain_text("version 1")
    await page.goto(f"{site.url}/published/")
    await page.get_by_label("Search").fill("nothing like this")
    await expect(page.get_by_role("status")).to_have_text("0 are found.")
    await page.get_by_label("Search").fill("print 6")
    await expect(page.get_by_role("status")).to_have_text("1 is found.")
    await page.locator("#entries a:visible").click()
    await expect(page).to_have_url(address)
    await expect(page.locator("pre.text")).to_have_text("42")
    # From a page that is nobody, to a page of who is signed in.
    await page.get_by_role("link", name="Copy to my workspaces").click()
    await page.get_by_label("Name of the new workspace").fill("A copy of it")
    await page.get_by_role("button", name="Copy", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("A copy of it")
    await expect(page.get_by_role("link", name="Test", exact=True)).to_be_visible()


async def test_an_old_version_says_so_and_what_is_withdrawn_is_gone(worksheet: WorksheetPage) -> None:
    page, site = worksheet.page, worksheet.site
    made = publish(site, worksheet.workspace, "<p>first</p>", listed=True)
    await page.goto(f"{site.url}/publish/{worksheet.workspace}")
    await page.get_by_role("button", name="Publish again: Rings").click()
    await expect(page.get_by_role("list", name="Published")).to_contain_text("version 2")
    await page.goto(f"{site.url}{made['address']}versions/1/")
    await expect(page.get_by_text("This is version 1")).to_be_visible()
    await page.get_by_role("link", name="the one that is shown now").click()
    await expect(page).to_have_url(site.url + made["address"])
    await page.goto(f"{site.url}/account")
    await page.get_by_role("listitem").filter(has_text="version 2").get_by_role("button", name="Withdraw").click()
    await expect(page.get_by_role("list", name="Published")).to_contain_text("withdrawn")
    assert (await page.request.get(site.url + made["address"])).status == 404
