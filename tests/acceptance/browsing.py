"""WorksheetPage: a worksheet in a browser, used as people use it: by what they see and what they can press."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.acceptance.solo import SoloSite

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-quic",
    "--disable-component-update",
    "--disable-sync",
)
CALCULATION_MILLISECONDS = 60_000
"""For one run, on a machine that does other things too."""
PATIENCE_MILLISECONDS = 15_000
"""For everything else; only bounds how long a broken test waits."""


@dataclass
class Complaints:
    """What browsers complain about while a test runs: errors in the console, and errors that nobody caught."""

    heard: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Such a complaint (a regular expression that it contains) is no fault of this test's."""
        self.allowed.append(pattern)

    def listen(self, context: BrowserContext) -> None:
        """Hear what every page of this context complains about."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.heard.append(f"uncaught: {error.error}"))

    def _console(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.heard.append(f"{said.text} ({said.location.get('url', '')})")

    @property
    def unexpected(self) -> list[str]:
        """Those that no test allowed."""
        return [text for text in self.heard if not any(re.search(pattern, text) for pattern in self.allowed)]


class WorksheetPage:
    """One worksheet in one page."""

    def __init__(self, page: Page, site: SoloSite, workspace: str, path: str = "Test.ipynb") -> None:
        self.page = page
        self.site = site
        self.workspace = workspace
        self.path = path

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.site.url}/workspaces/{self.workspace}/{self.path}"

    async def open(self, *, new: bool = False) -> None:
        """Go there (signed in already), and wait until it can be used."""
        await self.page.goto(f"{self.url}?new" if new else self.url)
        await expect(self.cells.first).to_be_visible()
        await expect(self.connection).to_have_text("connected")

    # --- what is seen

    @property
    def cells(self) -> Locator:
        """All cells, in order."""
        return self.page.locator("[data-cell-id]")

    def cell(self, number: int) -> Locator:
        """The cell with this number, from 1."""
        return self.cells.nth(number - 1)

    def source(self, number: int) -> Locator:
        """The text of a cell, to be edited."""
        return self.cell(number).locator(".cm-content")

    def output(self, number: int) -> Locator:
        """The outputs of a cell."""
        return self.cell(number).locator(".cell-output")

    def text(self, number: int) -> Locator:
        """The texts among the outputs of a cell: what was printed, values, tracebacks."""
        return self.output(number).locator(".output-text")

    def _state(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    @property
    def connection(self) -> Locator:
        """What is said about the connection."""
        return self._state("connection-state")

    @property
    def session(self) -> Locator:
        """What is said about the session."""
        return self._state("kernel-state")

    @property
    def saving(self) -> Locator:
        """What is said about changes."""
        return self._state("save-state")

    @property
    def messages(self) -> Locator:
        """Messages at the top of the page."""
        return self._state("messages")

    # --- what is done

    async def write(self, number: int, text: str) -> None:
        """Put this text into a cell, for what is there."""
        await self.source(number).click()
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.insert_text(text)

    async def start(self, number: int, text: str) -> None:
        """Write a cell and run it; the next one is made if there is none."""
        await self.write(number, text)
        await self.page.keyboard.press("Shift+Enter")

    async def run(self, number: int, text: str, *, status: str = "ok") -> Locator:
        """Write a cell, run it and wait for its end; returns the texts among its outputs."""
        await self.start(number, text)
        await self.ends(number, status)
        return self.text(number)

    async def ends(self, number: int, status: str = "ok") -> None:
        """Wait until the run of a cell has ended so."""
        await expect(self.cell(number)).to_have_attribute("data-status", status, timeout=CALCULATION_MILLISECONDS)

    async def shows(self, number: int, text: str) -> None:
        """Wait until the text that a cell has put out is exactly this (`to_have_text` evens out white space)."""
        await expect(self.text(number)).to_have_js_property("textContent", text, timeout=CALCULATION_MILLISECONDS)

    def button(self, name: str) -> Locator:
        """The button with exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)
