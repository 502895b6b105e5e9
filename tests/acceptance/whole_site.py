"""WholeSite: a site with every component, made and run by the command line as an operator does it."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from sagews import __version__
from sagews.client.site import SiteClient

ROOT = Path(__file__).resolve().parents[2]
PORTS = 80
COMMAND_SECONDS = 300
OURS = ("backend", "worker", "logserver")


class WholeSite:
    """One site, in a folder of its own."""

    def __init__(self, folder: Path, first_port: int, program: Path = ROOT) -> None:
        """:param program: the folder of the code by which `sagews` does what it is told."""
        self.folder = folder
        self.program = program
        self.file = folder / "sagews.toml"
        self.first_port = first_port
        self.url = f"https://localhost:{first_port}"
        self.urls = tuple(f"https://localhost:{first_port + number}" for number in (0, 1))

    def sagews(self, *arguments: str, status: int | None = 0, given: str = "") -> str:
        """Run the program; returns what it says on its standard output.

        :param status: the exit status that is right; None = any.
        :param given: what it reads.
        """
        done = subprocess.run(
            [sys.executable, "-m", "sagews", *arguments],
            cwd=self.program,
            env=os.environ | {"SAGEWS_CONFIG": str(self.file)},
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        if status is not None:
            assert done.returncode == status, f"sagews {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def make(self, settings: str = "") -> None:
        """Make the site.

        :param settings: TOML to be added.
        """
        self.file.write_text(self._text() + settings)
        self.sagews("init", str(self.folder))

    def by_new_code(self, version: str) -> WholeSite:
        """The same site, administered by code in another folder, which says that it is of this version."""
        program = _code_folder(self.folder)
        shutil.copytree(ROOT / "sagews", program / "sagews")
        (program / "client").symlink_to(ROOT / "client")
        first = program / "sagews" / "__init__.py"
        first.write_text(first.read_text().replace(__version__, version))
        return WholeSite(self.folder, self.first_port, program)

    def _text(self) -> str:
        from sagews.admin.commands.init import PLAN
        from sagews.worker.protection import Protection

        lines = ['data_folder = "."', 'site.profile = "site"']
        lines += [f"{name} = {self.first_port + distance}" for name, distance in PLAN.items()]
        lines.append(f"worker.unprotected = {[one.label for one in Protection]}")  # whatever this machine lacks
        if _interpreter_is_closed():  # no other user can run this Python
            lines += [f'{name}.user = ""' for name in OURS]
        return "\n".join(lines) + "\n"

    def read(self, path: str) -> str:
        """What somebody who is not signed in is shown."""
        authority = ssl.create_default_context(cafile=str(self.folder / "certificates" / "authority.pem"))
        with urllib.request.urlopen(self.url + path, timeout=60, context=authority) as answer:
            return str(answer.read().decode())

    def status(self) -> dict[str, dict[str, Any]]:
        """What every instance does, by its name."""
        told = json.loads(self.sagews("status", "--json", status=None))
        return {one["instance"]: one for one in told["instances"]}

    def pid(self, instance: str) -> int:
        """Of a live instance; ``supervisord`` is one, too. 0 = it does not live."""
        name = "supervisord.pid" if instance == "supervisord" else f"locks/{instance.replace(':', '.')}"
        return int((self.folder / "run" / name).read_text() or 0)

    def tree(self, instance: str) -> list[int]:
        """It and all below it; nothing where it does not live."""
        pid = self.pid(instance)
        if not pid:
            return []
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]

    def lives_again(self, instance: str, dead: int) -> bool:
        """Whether there is another process in the place of a dead one."""
        return self.pid(instance) not in (0, dead)

    def kill(self, instance: str) -> int:
        """``kill -9``; returns which process it was."""
        pid = self.pid(instance)
        os.kill(pid, signal.SIGKILL)
        return pid

    def client(self, token: str, *, begin: int = 0) -> SiteClient:
        """A client that knows both addresses and begins with the given one."""
        urls = (*self.urls[begin:], *self.urls[:begin])
        return SiteClient(urls, token, authority=self.folder / "certificates" / "authority.pem")

    def new_token(self, name: str) -> str:
        """Make an account, and a token of it."""
        self.sagews("users", "create", name, "--make-password")
        return self.sagews("users", "token", name).strip()

    def processes(self) -> list[str]:
        """Everything that runs for this site."""
        found = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        return [line for line in found.splitlines() if str(self.folder) in line]


@contextmanager
def whole_site(settings: str = "") -> Iterator[WholeSite]:
    """A site that is made and not started, and of which nothing is left afterwards."""
    # Not pytest's folder: that is closed to other users, and too long for Unix sockets.
    folder = Path(tempfile.mkdtemp(prefix="sagews-site-", dir="/tmp"))
    folder.chmod(0o755)
    with _free_ports() as first_port:
        site = WholeSite(folder, first_port)
        try:
            site.make(settings)
            yield site
        finally:
            site.sagews("stop", status=None)
            for line in site.processes():
                os.kill(int(line.split()[0]), signal.SIGKILL)
            shutil.rmtree(folder)
            shutil.rmtree(_code_folder(folder), ignore_errors=True)  # there is one only where code was new


def _code_folder(folder: Path) -> Path:
    """Where newer code for the site in a folder is put: not inside, which is hidden from its sessions."""
    return folder.with_name(f"{folder.name}-code")


def _interpreter_is_closed() -> bool:
    parents = Path(sys.executable).resolve().parents
    return os.geteuid() == 0 and any(not parent.stat().st_mode & 0o001 for parent in (*parents, *ROOT.parents))


@contextmanager
def _free_ports() -> Iterator[int]:
    """The first of `PORTS` ports that are free, and that no other site of the tests is given meanwhile.

    A site takes its ports long after they were chosen. Therefore none is of those that the kernel gives to
    connections that go out (ip(7), ip_local_port_range), and each block has a lock.
    """
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    firsts = [one for one in range(20000, 65000, PORTS) if one + PORTS <= low or one > high]
    random.shuffle(firsts)
    for first in firsts:
        with (Path(tempfile.gettempdir()) / f"sagews-ports-{first}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for port in range(first, first + PORTS):
                    socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                continue
            yield first
            return
    raise AssertionError(f"no {PORTS} ports in a row are free")
