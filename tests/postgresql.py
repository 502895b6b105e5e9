"""A real PostgreSQL for tests: made from nothing, gone afterwards.

Invariant: nothing is left behind. The server ends with the process that started it, however that one ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

START_SECONDS = 60
READY = "database system is ready to accept connections"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def find_programs() -> Path | None:
    """The folder with PostgreSQL's programs, the newest version's; ``None`` where it is not installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None


class Cluster:
    """One PostgreSQL server in a folder of its own, on a free port of 127.0.0.1 and on a Unix socket."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.data = folder / "data"
        self.port = 0
        # Fast, and no promise about power failures: the tests do not cut the power.
        self.settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "60", "log_min_messages": "log"}
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._log: list[str] = []
        # PostgreSQL refuses to run as root.
        self._run_as: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _unprivileged_user()
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._run_as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def url(self, database: str) -> str:
        """The address of a database, for ``create_engine``."""
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"

    def make(self) -> None:
        """Make the cluster's files."""
        command: list[Any] = [self.programs / "initdb", "-D", self.data, "-U", "tester", "-A", "trust", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._run_as)

    def start(self) -> None:
        """Start the server; returns when it answers."""
        command: list[Any] = [self.programs / "postgres", "-D", self.data, "-k", self.folder]
        command += ["-h", "127.0.0.1", "-p", str(self.port)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)},
            preexec_fn=_end_with_parent,
            **self._run_as,
        )
        answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read_log, args=(self._process, answers), daemon=True)
        self._reader.start()
        try:
            ready = answers.get(timeout=START_SECONDS)
        except queue.Empty:
            ready = False
        if not ready:
            self.stop(signal.SIGQUIT)
            raise RuntimeError("PostgreSQL did not start:\n" + "".join(self._log[-20:]))

    def start_on_a_free_port(self) -> None:
        """As :meth:`start`, on another port where somebody else was faster to take the free one."""
        for _ in range(5):
            self.port = _free_port()
            with contextlib.suppress(RuntimeError):
                self.start()
                return
        self.start()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server; repeatable.

        :param how: PostgreSQL's meaning: ``SIGINT`` ends connections and shuts down, ``SIGQUIT`` crashes.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.wait(START_SECONDS)
        if self._reader is not None:
            self._reader.join()

    def write(self, name: str, content: bytes) -> Path:
        """Write a file that only the server's user may read; returns its path."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        if self._run_as:
            os.chown(path, self._run_as["user"], self._run_as["group"])
        return path

    def create_database(self) -> str:
        """Make an empty database with a new name; returns its address, for ``create_engine``."""
        name = f"test_{uuid4().hex}"
        command: list[Any] = [self.programs / "createdb", "-h", self.folder, "-p", str(self.port), "-U", "tester", name]
        subprocess.run(command, check=True, capture_output=True)
        return self.url(name)

    def _read_log(self, process: subprocess.Popen[str], answers: queue.SimpleQueue[bool]) -> None:
        """Keep the log; answer whether the server became ready."""
        assert process.stderr is not None
        with process.stderr as log:
            for line in log:
                self._log.append(line)
                if line.rstrip().endswith(READY):
                    answers.put(True)
        answers.put(False)


@contextlib.contextmanager
def new_cluster() -> Iterator[Cluster]:
    """A running server of its own, removed at the end.

    :raises LookupError: PostgreSQL is not installed.
    """
    programs = find_programs()
    if programs is None:
        raise LookupError("PostgreSQL is not installed here (Debian's package: postgresql).")
    # Not pytest's folder: that is closed to other users, and too long for the path of a Unix socket.
    folder = Path(tempfile.mkdtemp(prefix="sagews-pg-", dir="/tmp"))
    try:
        cluster = Cluster(programs, folder)
        cluster.make()
        try:
            cluster.start_on_a_free_port()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError("There is no user postgres or nobody to run PostgreSQL as.")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _end_with_parent() -> None:
    # In the child, after it became another user and before it becomes PostgreSQL (prctl(2), PR_SET_PDEATHSIG).
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
