"""Debian packages that a whole site or the tests need and a solo site does not: servers and browsers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from sagews.errors import SetupError
from tools.installation.commands import run_logged
from tools.installation.console import Console
from tools.installation.diagnosis import explain
from tools.installation.steps import Step

# Package: how to see that it is there, either a program on the path or a pattern of files.
PACKAGES: Mapping[str, str] = {
    "postgresql": "/usr/lib/postgresql/*/bin/postgres",
    "haproxy": "haproxy",
    "nginx-light": "nginx",
    "memcached": "memcached",
    "openssh-server": "sshd",
    "iproute2": "ip",
    "chromium": "chromium",
    "firefox-esr": "firefox-esr",
}

OF_A_SITE = ("postgresql", "haproxy", "nginx-light", "memcached")
"""Those that a whole site runs."""

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

    packages: ClassVar[Mapping[str, str]] = PACKAGES
    needed_by = "the tests"

    @property
    def title(self) -> str:
        return f"Installing what {self.needed_by} need: {', '.join(missing(self.packages))}"

    def needed(self) -> bool:
        return bool(missing(self.packages))

    def do(self, console: Console) -> None:
        packages = missing(self.packages)
        if os.geteuid() != 0 or shutil.which("apt-get", path=_SYSTEM_PATH) is None:
            self.do_without(packages, console)
            return
        changes = {"DEBIAN_FRONTEND": "noninteractive", "PATH": _SYSTEM_PATH}
        for number, command in enumerate((["update"], ["install", "-y", "--no-install-recommends", *packages])):
            log = self.layout.logs / f"apt-{number}.log"
            if run_logged(["apt-get", *command], log, folder=self.layout.root, changes=changes) != 0:
                raise explain("Installing Debian packages", log, self.layout.name(log))

    def do_without(self, packages: list[str], console: Console) -> None:
        """Go on without packages that this user may not install."""
        console.say(
            f"      Not on this machine: {', '.join(packages)}; the tests that need them are skipped "
            f"(to run them: sudo apt install {' '.join(packages)})."
        )


class SiteServers(Servers):
    """The servers of others that a whole site runs."""

    packages: ClassVar[Mapping[str, str]] = {package: PACKAGES[package] for package in OF_A_SITE}
    needed_by = "the components of a site"

    def do_without(self, packages: list[str], console: Console) -> None:
        """:raises SetupError: always: a site cannot do without."""
        raise SetupError(
            f"A site needs servers that are not on this machine: {', '.join(packages)}.",
            mend=f"Install them (sudo apt install {' '.join(packages)}) and run the same again.",
        )
