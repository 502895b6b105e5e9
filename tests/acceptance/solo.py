"""SoloSite: a whole site, started as people start it, on a data folder and a port of its own."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"sagews is ready: (http://\S+?)/sign-in\?token=(\S+)")
START_SECONDS = 100.0
STOP_SECONDS = 40.0


@dataclass
class SoloSite:
    """One that runs.

    Invariant: where `process` has ended, so have its children.
    """

    process: subprocess.Popen[str]
    url: str
    token: str
    data: Path

    @classmethod
    def start(cls, data: Path) -> SoloSite:
        """Run ``sagews run`` until it says that it is ready.

        :raises AssertionError: when it is not, with what it said.
        """
        command = [sys.executable, "-m", "sagews", "run", "--port", "0", "--data", str(data)]
        data.mkdir(parents=True, exist_ok=True)
        with (data / "said.txt").open("w") as said:
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True
            )
        match = READY.search(_first_line(process, time.monotonic() + START_SECONDS))
        if match is None:
            process.kill()
            process.wait()
            raise AssertionError(f"sagews did not start: {(data / 'said.txt').read_text()[-3000:]}")
        # The tests are one person with more sessions than one has.
        limits = [sys.executable, "-m", "sagews", "limits", "solo", "sessions=0"]
        subprocess.run(
            limits, cwd=ROOT, env=os.environ | {"SAGEWS_DATA_FOLDER": str(data)}, stdout=subprocess.DEVNULL, check=True
        )
        return cls(process, match[1], match[2], data)

    @property
    def pid(self) -> int:
        """The process that Ctrl-C would reach."""
        return self.process.pid

    @property
    def sign_in_url(self) -> str:
        """The address that was printed."""
        return f"{self.url}/sign-in?token={self.token}"

    def child(self, module: str) -> psutil.Process:
        """The process that runs this module: ``sagews.backend`` or ``sagews.worker``."""
        for process in psutil.Process(self.pid).children():
            if module in process.cmdline():
                return process
        raise AssertionError(f"no {module} runs")

    def zygote(self, environment: str) -> psutil.Process:
        """The process from which sessions of this environment are forked: the worker's own child."""
        for process in self.child("sagews.worker").children():
            if f"--environment={environment}" in process.cmdline():
                return process
        raise AssertionError(f"no zygote {environment!r} runs")

    def kill(self, module: str) -> None:
        """Kill -9 this child; the site starts it again by itself."""
        process = self.child(module)
        process.kill()
        psutil.wait_procs([process], timeout=10)

    def fetch(self, method: str, path: str, body: object = None) -> bytes:
        """What the HTTP API answers."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    def call(self, method: str, path: str, body: object = None) -> Any:
        """What the HTTP API answers, read as JSON; None where it is empty."""
        answer = self.fetch(method, path, body)
        return json.loads(answer) if answer else None

    def put(self, path: str, content: bytes) -> None:
        """Write a file over the HTTP API."""
        request = urllib.request.Request(self.url + path, method="PUT", data=content)
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=60):
            pass

    def new_workspace(self, name: str) -> str:
        """Make a workspace; returns its id."""
        return str(self.call("POST", "/api/workspaces", {"name": name})["id"])

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _kill_tree(self.pid)
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()


def _first_line(process: subprocess.Popen[str], deadline: float) -> str:
    """The first line that it prints; "" where it ends or does not in time."""
    assert process.stdout is not None
    while time.monotonic() < deadline:
        if select.select([process.stdout], [], [], 0.5)[0]:
            return process.stdout.readline()
    return ""


def _kill_tree(pid: int) -> None:
    whole = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    for process in whole:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(whole, timeout=10)
