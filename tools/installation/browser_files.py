"""The files that the browser loads: ``client/dist``, built from ``client/``."""

from __future__ import annotations

from pathlib import Path

from tools.installation import node
from tools.installation.commands import run_logged
from tools.installation.console import Console
from tools.installation.diagnosis import explain
from tools.installation.stamps import digest
from tools.installation.steps import Step

_MADE = {"node_modules", "dist"}


class ClientStep(Step):
    """What the two steps share: npm, in the folder ``client``."""

    def npm(self, what: str, *arguments: str) -> None:
        """:raises SetupError: if npm fails."""
        log = self.layout.logs / f"npm-{arguments[0]}.log"
        command = [str(node.programs(self.layout) / "npm"), *arguments]
        if run_logged(command, log, folder=self.layout.client, changes=node.changes(self.layout)) != 0:
            raise explain(what, log, self.layout.name(log))

    def has_client(self) -> bool:
        return (self.layout.client / "package.json").is_file()


class ClientPackages(ClientStep):
    """``client/node_modules``, exactly as locked."""

    @property
    def title(self) -> str:
        return "Installing the packages for the browser files"

    def key(self) -> str:
        names = ("package.json", "package-lock.json", ".npmrc")
        return digest(self.layout.root, [self.layout.client / name for name in names])

    def needed(self) -> bool:
        complete = (self.layout.client / "node_modules").is_dir() and self.stamps.fresh("client-packages", self.key())
        return self.has_client() and not complete

    def do(self, console: Console) -> None:
        self.stamps.begin("client-packages")
        # npm waits minutes before it says that there is no network
        patience = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
        self.npm("Installing the packages for the browser files", "ci", "--no-audit", "--no-fund", *patience)
        self.stamps.end("client-packages", self.key())


class ClientFiles(ClientStep):
    """``client/dist``, from every file of ``client`` that is not made."""

    @property
    def title(self) -> str:
        return "Building the browser files"

    def sources(self) -> list[Path]:
        top = [path for path in sorted(self.layout.client.iterdir()) if path.name not in _MADE]
        return [
            file for path in top for file in ([path] if path.is_file() else sorted(path.rglob("*"))) if file.is_file()
        ]

    def key(self) -> str:
        return digest(self.layout.root, self.sources())

    def needed(self) -> bool:
        if not self.has_client():
            return False
        return not ((self.layout.client / "dist").is_dir() and self.stamps.fresh("client-files", self.key()))

    def do(self, console: Console) -> None:
        self.stamps.begin("client-files")
        self.npm("Building the browser files", "run", "build")
        self.stamps.end("client-files", self.key())
