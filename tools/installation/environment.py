"""The virtual environment and the Python packages in it.

Invariant: an environment that has a stamp is complete. One in which pip was cut off
while it wrote is thrown away, for pip itself would take a half-written package for a
whole one.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from sagews.errors import SetupError
from tools.installation import machine
from tools.installation.commands import run_logged
from tools.installation.console import Console
from tools.installation.diagnosis import explain
from tools.installation.stamps import digest
from tools.installation.steps import Step

LOCKS = {"runtime": "requirements.txt", "development": "requirements-dev.txt"}


def python_version() -> str:
    """What an environment is made for: packages with C code fit one minor version."""
    return f"{sys.implementation.cache_tag}-{sys.version_info.major}.{sys.version_info.minor}"


class VirtualEnvironment(Step):
    """An empty environment of the Python that runs set-up."""

    @property
    def title(self) -> str:
        return f"Making a Python environment in {self.layout.name(self.layout.venv)}"

    def needed(self) -> bool:
        if self.layout.venv.is_symlink():
            return False
        if not self.layout.python.exists() or any(self.stamps.cut_off(step) for step in ("venv", *LOCKS)):
            return True
        made_for = self.stamps.last("venv")
        return bool(made_for) and made_for != python_version()

    def do(self, console: Console) -> None:
        machine.check_venv()
        machine.check_disk(self.layout.root)
        for step in LOCKS:
            self.stamps.forget(step)
        self.stamps.begin("venv")
        shutil.rmtree(self.layout.venv, ignore_errors=True)
        log = self.layout.logs / "venv.log"
        command = [sys.executable, "-m", "venv", str(self.layout.venv)]
        if run_logged(command, log, folder=self.layout.root) != 0:
            raise explain("Making the Python environment", log, self.layout.name(log))
        self.stamps.end("place", str(self.layout.root))
        self.stamps.end("venv", python_version())


class Packages(Step):
    """The packages of one lock, exactly those and with the hashes that it names."""

    goal = "runtime"

    @property
    def title(self) -> str:
        return "Installing Sage and the other Python packages (about 1.4 GB to download, 5 GB on disk, some minutes)"

    @property
    def lock(self) -> Path:
        return self.layout.root / LOCKS[self.goal]

    def key(self) -> str:
        return digest(self.layout.root, [self.lock], python_version())

    def needed(self) -> bool:
        if self.layout.venv.is_symlink():
            if not self.layout.python.exists():
                raise SetupError(
                    "The link .venv leads to no Python environment.", mend="Remove it and run the same again."
                )
            return False
        return not self.stamps.fresh(self.goal, self.key())

    def do(self, console: Console) -> None:
        log = self.layout.logs / "pip.log"
        temporary = self.layout.state / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        progress = PipProgress(self.layout.venv, self.lock, log)
        self.stamps.begin(self.goal)
        try:
            status = run_logged(
                self._command(),
                log,
                folder=self.layout.root,
                # pip unpacks here; /tmp is a small memory disk on some machines
                changes={"TMPDIR": str(temporary)},
                tick=lambda: console.progress(progress.text()),
            )
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        if status != 0:
            if not progress.writing():
                self.stamps.forget(self.goal)
            raise explain("Installing the Python packages", log, self.layout.name(log))
        self._stamp()

    def _command(self) -> list[str]:
        """The lock is complete, so pip has nothing to resolve (see [tool.uv] in pyproject.toml)."""
        options = ["--no-deps", "--require-hashes", "--progress-bar=off", "--no-warn-script-location"]
        pip = [str(self.layout.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        return [*pip, "install", *options, "-r", str(self.lock)]

    def _stamp(self) -> None:
        self.stamps.end(self.goal, self.key())


class DevelopmentPackages(Packages):
    """Those for tests, checks and benchmarks: its lock holds all of the other one too."""

    goal = "development"

    @property
    def title(self) -> str:
        if self.stamps.last("runtime"):
            return "Installing the packages for tests, checks and benchmarks"
        return super().title

    def _stamp(self) -> None:
        super()._stamp()
        runtime = Packages(self.layout, self.stamps)
        self.stamps.end(runtime.goal, runtime.key())


class PipProgress:
    """How far pip is, from its log while it downloads and from the environment while it writes."""

    def __init__(self, venv: Path, lock: Path, log: Path) -> None:
        self._venv = venv
        self._log = log
        lines = lock.read_text().splitlines()
        names = {
            line.split("==")[0]
            for line in lines
            if "==" in line and "sys_platform == " not in line and line[0].isalnum()
        }
        self._total = len(names)

    def writing(self) -> bool:
        return "\nInstalling collected packages" in self._text()

    def text(self) -> str:
        log = self._text()
        if "\nInstalling collected packages" in log:
            installed = sum(1 for _ in self._venv.glob("lib/python*/site-packages/*.dist-info/RECORD"))
            return f"writing, {min(installed, self._total)} of {self._total} packages"
        found = len(re.findall(r"^(?:Collecting|Requirement already satisfied:) ", log, flags=re.MULTILINE))
        return f"downloading, {min(found, self._total)} of {self._total} packages"

    def _text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.is_file() else ""
