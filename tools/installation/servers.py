"""Debian packages that the tests need and a running solo site does not: servers and browsers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.installation.commands import run_logged
from tools.installation.console import Console
from tools.installation.diagnosis import explain
from tools.installation.steps import Step

# Package: how to see that it is there, either a program on the path or a pattern of files.
PACKAGES: Mapping[str, str] = {
    "postgresql": "/usr/lib/postgresql/*/bin/postgres",
    "chromium": "chromium",
    "firefox-esr": "firefox-esr",
}

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing(packages: Mapping[str, str] = PACKAGES) -> list[str]:
    """Those of *packages* that this machine has not."""
    return [package for package, sign in packages.items() if not _there(sign)]


def _there(sign: str) -> bool:
    if sign.startswith("/"):
        return any(Path("/").glob(sign.lstrip("/")))
    return shutil.which(sign, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}") is not None


class Servers(Step):
    """Installed where this user may; else it is said what is missing, and the tests that need it are skipped."""

    @property
    def title(self) -> str:
        return f"Installing what the tests need: {', '.join(missing())}"

    def needed(self) -> bool:
        return bool(missing())

    def do(self, console: Console) -> None:
        packages = missing()
        if os.geteuid() != 0 or shutil.which("apt-get", path=_SYSTEM_PATH) is None:
            console.say(
                f"      Not on this machine: {', '.join(packages)}; the tests that need them are skipped "
                f"(to run them: sudo apt install {' '.join(packages)})."
            )
            return
        changes = {"DEBIAN_FRONTEND": "noninteractive", "PATH": _SYSTEM_PATH}
        for number, command in enumerate((["update"], ["install", "-y", "--no-install-recommends", *packages])):
            log = self.layout.logs / f"apt-{number}.log"
            if run_logged(["apt-get", *command], log, folder=self.layout.root, changes=changes) != 0:
                raise explain("Installing Debian packages", log, self.layout.name(log))
