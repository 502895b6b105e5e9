"""A solo site of our own, started for a measurement."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import children, command, end
from sagews.client.site import SiteClient
from sagews.client.worker import WorkerClient


@dataclass(frozen=True)
class Site:
    """One that runs."""

    pid: int
    url: str
    token: str
    data: Path

    @property
    def sign_in_url(self) -> str:
        """As it was printed."""
        return f"{self.url}/sign-in?token={self.token}"

    @property
    def worker_pid(self) -> int:
        """Of the worker's server."""
        return int(json.loads((self.data / "run" / "worker.0" / "status.json").read_text())["pid"])

    @property
    def backend_pid(self) -> int:
        """Of the backend."""
        return int(json.loads((self.data / "run" / "backend.0" / "status.json").read_text())["pid"])

    def inits(self, environment: str) -> list[int]:
        """The first process of each session of this environment, spares included."""
        zygotes = [pid for pid in children(self.worker_pid) if f"--environment={environment}" in command(pid)]
        return [init for zygote in zygotes for init in children(zygote)]

    def client(self) -> SiteClient:
        """A client through HTTP and websocket, backend, and TLS."""
        return SiteClient(self.url, self.token)

    def worker(self) -> WorkerClient:
        """A client of the worker alone."""
        return WorkerClient.unix(self.data / "run" / "worker.0" / "socket")


@contextmanager
def running_site(configuration: str = "") -> Iterator[Site]:
    """Start one on a new data folder; it ends with the block.

    :param configuration: TOML, for what differs from the defaults.
    """
    with tempfile.TemporaryDirectory() as folder:
        data, file = Path(folder) / "data", Path(folder) / "sagews.toml"
        file.write_text(configuration)
        limits = {"SAGEWS_WORKER_MAXIMUM_SESSIONS": "1000", "SAGEWS_BACKEND_RATE_LIMITS_REQUESTS_PER_MINUTE": "100000"}
        arguments = [sys.executable, "-m", "sagews", "run", "--port", "0", "--data", str(data)]
        arguments += ["--config", str(file)]
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | limits
        )
        try:
            assert process.stdout is not None
            printed = re.search(r"ready: (\S+)/sign-in\?token=(\S+)", process.stdout.readline())
            if printed is None:
                raise RuntimeError("sagews run did not start; run it by hand to see why")
            yield Site(process.pid, printed[1], printed[2], data)
        finally:
            end(process, signal.SIGINT)
            if process.stdout is not None:
                process.stdout.close()
