"""A real sshd for tests: with keys of its own, for root only, without PAM; it touches nothing of this machine's.

Invariant: its /run is a file system of its own (sshd wants a folder there), which is gone with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import eventually_sync

PROGRAMS = {"sshd": "openssh-server", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OWN_MOUNTS = ("unshare", "--mount")
SETTINGS = """
Port {port}
ListenAddress {address}
HostKey "{folder}/host_key"
AuthorizedKeysFile "{folder}/authorized_keys"
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
UseDNS no
"""


def why_not() -> str:
    """Why none can be run here; empty = it can."""
    if os.geteuid() != 0:
        return "only root runs an sshd for root"
    absent = [package for program, package in PROGRAMS.items() if not shutil.which(program, path=SYSTEM_PATH)]
    if absent:
        return f"{', '.join(dict.fromkeys(absent))} is not installed"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"namespaces cannot be made: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass
class Sshd:
    """One sshd with its files in a folder."""

    folder: Path
    address: str
    port: int
    inside: Sequence[str] = OWN_MOUNTS
    """The command that runs others where it shall run, with mounts of their own."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it said."""
        file = self.folder / "sshd.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def let_in(self, key: Path) -> None:
        """Take a key, and no other; made if missing."""
        if not key.exists():
            new_key(key)
        shutil.copy(f"{key}.pub", self.folder / "authorized_keys")

    def new_host_key(self) -> None:
        """Show another key than before, from the next start on."""
        for file in (self.folder / "host_key", self.folder / "host_key.pub"):
            file.unlink(missing_ok=True)
        new_key(self.folder / "host_key")

    def start(self) -> None:
        """Returns when it listens."""
        if not (self.folder / "host_key").exists():
            self.new_host_key()
        settings = self.folder / "sshd.conf"
        settings.write_text(SETTINGS.format(port=self.port, address=self.address, folder=self.folder))
        program = shutil.which("sshd", path=SYSTEM_PATH)
        script = f'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec {program} -D -e -f "$0"'
        mark = len(self.log)
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.inside, "sh", "-c", script, str(settings)], stdin=subprocess.DEVNULL, stderr=log
            )
        eventually_sync(lambda: self._listens(mark), within_seconds=20)

    def stop(self) -> None:
        """Repeatable; connections that it has live on."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def _listens(self, mark: int) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        return "listening on" in self.log[mark:]


def new_key(file: Path) -> None:
    """A new pair of keys: ``file`` and ``file.pub``."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)]
    subprocess.run(command, check=True, capture_output=True)
