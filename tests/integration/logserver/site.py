"""A site of which only the log server, and programs that log, are there: real processes, PostgreSQL, TLS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sagews.certificates import make_all
from sagews.configuration import Configuration, load
from sagews.configuration.run_files import read_status
from sagews.database.log import LogRecord, Wanted
from sagews.database.store import Store
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
SETTINGS = """
data_folder = "."
backend.user = ""
worker.user = ""
loadbalancer.user = ""
memcached.user = ""
postgresql.user = ""
staticserver.user = ""
[site]
profile = "site"
[log]
maximum_repeats = 0
[database]
url = "{url}"
[logserver]
user = ""
port = 0
monitoring_port = 0
{more}
"""


@dataclass(eq=False)
class LogSite:
    """The site's folder, and what runs of it."""

    folder: Path
    store: Store
    url: str
    more: str = ""
    """Settings of the log server."""
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """Its configuration file."""
        return self.folder / "sagews.toml"

    def make(self) -> Configuration:
        """Write its configuration and certificates."""
        url = self.url.replace("postgresql://", "postgresql+asyncpg://")
        self.file.write_text(SETTINGS.format(url=url, more=self.more))
        make_all(self.configuration)
        return self.configuration

    @property
    def configuration(self) -> Configuration:
        """As its file says."""
        return load(self.file, {})

    @property
    def port(self) -> int:
        """Of the log server; 0 = none is ready."""
        return int(read_status(self.configuration.status_file("logserver", 0)).get("port", 0))

    async def start_server(self) -> subprocess.Popen[str]:
        """Start a log server, and wait until it listens."""
        process = self.start("-m", "sagews.logserver", "--config", str(self.file))
        status = self.configuration.status_file("logserver", 0)

        def ready() -> bool:
            assert process.poll() is None, (self.folder / "log").read_text()
            return read_status(status).get("pid") == process.pid

        await eventually(ready, within_seconds=30)
        return process

    def start_program(self, number: int = 0) -> Program:
        """A program of the site that logs what it is told."""
        return Program(self.start(str(Path(__file__).with_name("program.py")), str(self.file), str(number)))

    async def records(self, event: str = "Number", at_least: int = 0) -> Sequence[LogRecord]:
        """What is in the database with this event, in the order of arrival, once there are so many."""

        async def enough() -> tuple[list[LogRecord]]:
            found = [one for one in await self.store.log.after(0, Wanted(), 10**6) if one.event == event]
            assert len(found) >= at_least, len(found)
            return (found,)

        return (await eventually(enough, within_seconds=40))[0]

    def end(self) -> None:
        """Kill what runs."""
        for process in self.running:
            kill(process)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a Python program."""
        environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}
        with (self.folder / "log").open("a") as said:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        self.running.append(process)
        return process


class Program:
    """One program that logs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def log(self, count: int, text: str = "") -> None:
        """Log so many records; returns when they are spooled."""
        self.tell(f"log {count} {text}")

    def tell(self, command: str) -> str:
        """Give a command and return what it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def stop(self) -> None:
        """Let it end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)
        kill(self.process)


def kill(process: subprocess.Popen[str]) -> None:
    """End it at once; repeatable."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
