"""A whole site as a program of its own: `sagews run` with its children, for tests that kill parts of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import eventually, eventually_sync

ROOT = Path(__file__).parents[2]
START_SECONDS = 90
WITHOUT_SAGE = "[worker.environments.sage]\nenabled = false\n"
"""Such a site starts in a second."""
IMPATIENT = """
import sys
from sagews.admin import child, main
child.LONGEST_WAIT_SECONDS = 0.5
sys.exit(main.main())
"""
"""The program `sagews`, but children that die often are started again at once."""


@dataclass
class SiteProgram:
    """One site with a data folder of its own."""

    folder: Path
    settings: str = WITHOUT_SAGE
    process: subprocess.Popen[str] | None = None
    start_with: tuple[str, ...] = ("-m", "sagews")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def configuration(self) -> Path:
        return self.folder / "sagews.toml"

    @property
    def url(self) -> str:
        return str(self._about("solo")["url"])

    @property
    def token(self) -> str:
        return str(self._about("solo")["token"])

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Returns when it has printed that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.configuration.write_text(f'data_folder = "{self.data}"\n{self.settings}')
        with (self.folder / "run.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.start_with, "run", "--port", "0", "--config", str(self.configuration)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
                start_new_session=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("sagews is ready: "), f"{line!r}\n{self.log('run')}\n{self.log('worker')}"

    def stop(self) -> int:
        """Ctrl-C; returns the exit status. Repeatable."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def kill(self, child: str) -> int:
        """`kill -9` of "worker", "backend" or "run"; returns the process."""
        pid = self.pid(child)
        os.kill(pid, signal.SIGKILL)
        return pid

    def pid(self, child: str) -> int:
        """Of the "worker", the "backend", or "run" itself, as they say."""
        return int(self._about({"run": "solo"}.get(child, child))["pid"])

    async def until_again(self, child: str, killed: int) -> None:
        """Wait until a child runs that is not the killed one."""
        await eventually(lambda: self._runs_anew(child, killed), within_seconds=60)

    def zygote(self, name: str = "python") -> int:
        """The process from which sessions of the environment are forked: the worker's own child."""
        worker = self.pid("worker")
        wanted = f"--environment={name}".encode()
        [pid] = [one for one in self.processes() if parent_of(one) == worker and wanted in command_of(one)]
        return pid

    def processes(self) -> set[int]:
        """Everything that runs of this site: children and sessions have the data folder in their environment."""
        mark = str(self.folder).encode()
        return {one for one in every_process() if mark in environment_of(one) or mark in command_of(one)}

    def nothing_is_left(self, within_seconds: float) -> None:
        """Assert that every process of the site goes within this time."""
        eventually_sync(lambda: not self.processes(), within_seconds=within_seconds)

    def log(self, name: str) -> str:
        """The log of "run", "worker" or "backend"."""
        path = self.folder / "run.log" if name == "run" else self.data / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _runs_anew(self, child: str, killed: int) -> bool:
        try:
            return self.pid(child) != killed
        except (FileNotFoundError, ValueError):
            return False

    def _about(self, name: str) -> dict[str, Any]:
        file = "solo.json" if name == "solo" else f"{name}.0/status.json"
        return dict(json.loads((self.data / "run" / file).read_text()))


def environment(**more: str) -> dict[str, str]:
    """Of our programs: without what the caller has set for sagews."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAGEWS_")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


def every_process() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def environment_of(pid: int) -> bytes:
    return _read(pid, "environ")


def command_of(pid: int) -> bytes:
    return _read(pid, "cmdline")


def parent_of(pid: int) -> int:
    """0 = it is gone."""
    stat = _read(pid, "stat").decode()
    return int(stat.rpartition(")")[2].split()[1]) if stat else 0


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
