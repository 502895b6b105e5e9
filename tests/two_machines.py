"""Two machines for tests of a whole site: network namespaces with an address, an sshd and a data folder of their own.

Invariant: nothing is left behind, even where the process of the test is killed: every process that runs in the
namespaces is ended (by its pid), then they and the folder are removed. All else of this machine (its network, its sshd,
its known hosts) is untouched.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import sshd
from tests.sshd import SYSTEM_PATH, Sshd
from tests.waiting import eventually_sync

ROOT = Path(__file__).parents[1]


def why_not() -> str:
    """Why two machines cannot be made here; empty = they can."""
    if not shutil.which("ip", path=SYSTEM_PATH):
        return "iproute2 is not installed"
    return sshd.why_not()


def interpreter_is_open() -> bool:
    """Whether users other than root can run this Python and this program."""
    paths = (Path(sys.executable), Path(sys.executable).resolve(), ROOT / "sagews")
    return all(one.stat().st_mode & 0o001 for path in paths for one in path.parents)


@dataclass
class MachineOfTest:
    """One network namespace with its sshd."""

    name: str
    """Of the namespace."""
    folder: Path
    address: str

    def __post_init__(self) -> None:
        self.sshd = Sshd(self.folder, self.address, 22, inside=self.inside([]))

    @property
    def data(self) -> Path:
        """The site's folder there."""
        return self.folder / "site"

    def inside(self, command: Sequence[str]) -> list[str]:
        """A command line that runs a command there."""
        return ["ip", "netns", "exec", self.name, *command]

    def pids(self) -> list[int]:
        """Everything that runs there."""
        return pids_in(self.name)

    def remove(self) -> None:
        """End what runs there, and the namespace. Repeatable."""
        self.sshd.stop()
        remove_namespace(self.name)


@dataclass
class TwoMachines:
    """The first, on which `sagews` is used, and the second, joined by a wire."""

    folder: Path
    number: int = field(default_factory=lambda: random.randrange(1, 255))
    settings: str = ""
    """Further TOML of the site."""
    guard: subprocess.Popen[bytes] | None = None
    """Removes everything where the process of the test cannot do it any more."""

    def __post_init__(self) -> None:
        mark = f"sagews-{os.getpid()}-{random.randrange(10**6)}"
        self.first = MachineOfTest(f"{mark}-1", self.folder / "first", f"10.77.{self.number}.1")
        self.second = MachineOfTest(f"{mark}-2", self.folder / "second", f"10.77.{self.number}.2")

    @property
    def file(self) -> Path:
        """The site's configuration on the first machine."""
        return self.first.data / "sagews.toml"

    @property
    def known_hosts(self) -> Path:
        return self.first.data / "certificates" / "known_hosts"

    def make(self) -> None:
        """Both machines, their wire, sshd on the second, and the configuration."""
        self.guard = subprocess.Popen(
            [sys.executable, "-m", "tests.two_machines", str(self.folder), self.first.name, self.second.name],
            stdin=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )
        for machine in (self.first, self.second):
            machine.data.mkdir(parents=True)
            run(["ip", "netns", "add", machine.name])
        run(
            [
                "ip",
                "-n",
                self.first.name,
                "link",
                "add",
                "wire",
                "type",
                "veth",
                "peer",
                "wire",
                "netns",
                self.second.name,
            ]
        )
        for machine in (self.first, self.second):
            run(["ip", "-n", machine.name, "address", "add", f"{machine.address}/24", "dev", "wire"])
            for link in ("lo", "wire"):
                run(["ip", "-n", machine.name, "link", "set", link, "up"])
        self.second.data.rmdir()  # made by sagews
        self.second.sshd.let_in(self.folder / "key")
        self.second.sshd.start()
        self.file.write_text(self.configuration())

    def configuration(self) -> str:
        return f"""
data_folder = "."
site.profile = "site"
[hosts.localhost]
address = "{self.first.address}"
[hosts.second]
address = "{self.second.address}"
ssh = "root@{self.second.address}"
ssh_key = "{self.folder / "key"}"
data_folder = "{self.second.data}"
{self.settings}"""

    def unplug(self) -> None:
        """Cut the second machine off."""
        run(["ip", "-n", self.second.name, "link", "set", "wire", "down"])

    def plug_in(self) -> None:
        run(["ip", "-n", self.second.name, "link", "set", "wire", "up"])

    def command(self, *arguments: str, machine: MachineOfTest | None = None) -> list[str]:
        where = machine or self.first
        return where.inside([sys.executable, "-m", "sagews", *arguments, "--config", str(where.data / "sagews.toml")])

    def sagews(
        self, *arguments: str, machine: MachineOfTest | None = None, status: int | None = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `sagews` on the first machine, or another.

        :param status: the exit status that it has to have; None = any.
        :param variables: of its environment.
        """
        done = subprocess.run(
            self.command(*arguments, machine=machine),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            cwd=ROOT,
            env=environment() | variables,
        )
        said = f"sagews {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert status is None or done.returncode == status, said
        return done

    def remove(self) -> None:
        """Everything that was made. Repeatable."""
        for machine in (self.first, self.second):
            machine.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.guard is not None:
            self.guard.communicate()
            self.guard = None


@contextlib.contextmanager
def two_machines(settings: str = "") -> Iterator[TwoMachines]:
    """Two machines with the configuration of a site; all gone at the end.

    :param settings: TOML, after [hosts].
    """
    # Not pytest's folder: that is closed to other users, and too long for the path of a Unix socket.
    folder = Path(tempfile.mkdtemp(prefix="sagews-two-", dir="/tmp"))
    folder.chmod(0o755)
    made = TwoMachines(folder, settings=settings)
    try:
        made.make()
        yield made
    finally:
        made.remove()


def environment() -> dict[str, Any]:
    """Of our programs: without what the caller has set for sagews, nor an agent with other keys."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAGEWS_", "SSH_"))}
    return kept | {"PATH": f"{kept.get('PATH', '')}:{SYSTEM_PATH}"}


def run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def pids_in(namespace: str) -> list[int]:
    return [int(pid) for pid in run(["ip", "netns", "pids", namespace]).split()]


def remove_namespace(name: str) -> None:
    """End what runs in it, and remove it. Repeatable."""

    def nothing_is_left() -> bool:
        left = pids_in(name)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    if Path("/run/netns", name).exists():
        eventually_sync(nothing_is_left, within_seconds=30)
        run(["ip", "netns", "del", name])


def guard(folder: str, *namespaces: str) -> None:
    """Wait until the test has ended, in whatever way, and remove what it has not removed itself."""
    sys.stdin.read()
    for name in namespaces:
        remove_namespace(name)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(*sys.argv[1:])
