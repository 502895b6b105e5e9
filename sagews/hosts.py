"""Running a command on a machine of the site: here, or over OpenSSH elsewhere.

Invariant: nothing is ever typed at: a machine that wants a password, or shows another key than before, counts as one
that does not answer.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

from sagews.configuration import Configuration, Host
from sagews.errors import SetupError, Unavailable

CONNECT_SECONDS = 5
"""Until it has to have shown its key and taken ours."""
SILENCE_SECONDS = 3
SILENCES = 2
"""A machine that answers nothing for so many times so long is given up, whatever runs there."""
SSH_FAILED = 255
"""The exit status by which ssh tells that it, and not the command, failed (ssh(1), EXIT STATUS)."""
PROGRAM_FOLDER = Path(__file__).parents[1]


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    output: str
    errors: str

    @property
    def complaint(self) -> str:
        """The last line that it wrote to its standard error, without a full stop."""
        return _last_line(self.errors)


@dataclass(frozen=True)
class Machine:
    """One machine of the site, as seen from the one that this program runs on."""

    name: str
    settings: Host
    is_here: bool
    known_hosts: Path
    """Where the keys of the site's machines are remembered, as ssh met them first."""

    @property
    def program(self) -> Path:
        """The folder of sagews there."""
        return Path(self.settings.program or PROGRAM_FOLDER)

    def run(
        self,
        command: Sequence[str],
        *,
        given: bytes = b"",
        within_seconds: float = 60.0,
        say: Callable[[str], None] | None = None,
    ) -> Result:
        """Run a command there and wait for its end.

        :param given: what it reads on its standard input.
        :param say: gets each line of its output as it comes.
        :raises Unavailable: the machine does not answer, or the command did not end in time.
        :raises SetupError: there is no ssh here.
        """
        try:
            result = _run(self._there(command), given, within_seconds, say)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"The machine {self.name} did not finish {command[0]!r} within {within_seconds:g} s.",
                mend="Look whether it is overloaded, and try again.",
            ) from error
        if not self.is_here and result.status == SSH_FAILED:
            raise self._unavailable(result.errors)
        return result

    def write(self, path: Path, content: bytes, *, mode: int) -> None:
        """Replace a file there whole; its folder is made if missing, open to other users where root makes it.

        :raises Unavailable: it does not answer.
        :raises SetupError: it cannot be written.
        """
        folder, name = shlex.quote(str(path.parent)), shlex.quote(str(path))
        script = f"umask 022; [ $(id -u) = 0 ] || umask 077; mkdir -p {folder} && part=$(mktemp {name}.XXXXXXXX)"
        script += f' && cat > "$part" && chmod {mode:o} "$part" && mv -f "$part" {name}'
        done = self.run(["sh", "-c", script], given=content)
        if done.status != 0:
            raise SetupError(
                f"{path} cannot be written on {self.name}: {done.complaint}.",
                mend=f"See `data_folder` in [hosts.{self.name}], and the rights of its user there.",
            )

    def sagews(self, *arguments: str, file: Path) -> list[str]:
        """The command line by which `sagews` itself runs there.

        :param file: the configuration file, as it is called there.
        """
        python = f"{self.program}/.venv/bin/python" if self.settings.program else sys.executable
        variables = [f"SAGEWS_HOST={self.name}"]
        if self.settings.data_folder:
            variables.append(f"SAGEWS_DATA_FOLDER={self.settings.data_folder}")
        command = f'cd {shlex.quote(str(self.program))} && exec env {shlex.join(variables)} "$@"'
        return ["sh", "-c", command, "sagews", python, "-m", "sagews", *arguments, "--config", str(file)]

    def _there(self, command: Sequence[str]) -> list[str]:
        if self.is_here:
            return list(command)
        if not self.settings.ssh:
            raise Unavailable(
                f"There is no way from here to {self.name}.",
                mend=f"Use `sagews` on {self.name}; here, only with --here.",
            )
        return [*self._ssh(), shlex.join(command)]

    def _ssh(self) -> list[str]:
        key = ["-i", self.settings.ssh_key, "-o", "IdentitiesOnly=yes"] if self.settings.ssh_key else []
        known_hosts = str(self.known_hosts.absolute()).replace("%", "%%")
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": CONNECT_SECONDS,
            "ServerAliveInterval": SILENCE_SECONDS,
            "ServerAliveCountMax": SILENCES,
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": f'"{known_hosts}"',
            "LogLevel": "ERROR",
            "ClearAllForwardings": "yes",
            "ForwardAgent": "no",
        }
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-T", "-p", str(self.settings.ssh_port), *key, *given, "--", self.settings.ssh]

    def _unavailable(self, said: str) -> Unavailable:
        """Why ssh failed, by what it said."""
        who = f"The machine {self.name} ({self.settings.ssh})"
        table = f"[hosts.{self.name}] in the configuration"
        if "HOST IDENTIFICATION HAS CHANGED" in said or "Host key verification failed" in said:
            found = re.search(r"^Offending .* key in (.+):(\d+)", said, re.MULTILINE)
            line = f"line {found[2]} of {found[1]}" if found else f"its line in {self.known_hosts.absolute()}"
            return Unavailable(
                f"{who} shows another host key than before: it may be another machine.",
                mend=f"If its key was changed on purpose, remove {line}.",
            )
        if "Permission denied" in said:
            return Unavailable(
                f"{who} does not let us in: {_last_line(said)}.",
                mend=f"Add our public key to its authorized_keys, or see `ssh` and `ssh_key` in {table}.",
            )
        return Unavailable(
            f"{who} does not answer: {_last_line(said) if said.strip() else 'the connection broke off'}.",
            mend=f"Try `{shlex.join(self._ssh())} true`; see {table}.",
        )


def machine(configuration: Configuration, name: str) -> Machine:
    """The machine with a name of [hosts].

    One without `ssh` is the machine on which `sagews` is used; other machines have no way to it.
    """
    settings = configuration.hosts[name]
    used_here = not configuration.hosts[configuration.host].ssh
    return Machine(
        name,
        settings,
        is_here=name == configuration.host or (used_here and not settings.ssh),
        known_hosts=configuration.certificate_folder / "known_hosts",
    )


def _run(command: Sequence[str], given: bytes, within_seconds: float, say: Callable[[str], None] | None) -> Result:
    """:raises subprocess.TimeoutExpired: it did not end in time, and was killed."""
    lines: list[str] = []
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as output:
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE)
        except FileNotFoundError as error:
            raise SetupError(
                f"There is no program {command[0]} here.", mend="Install it (Debian's package: openssh-client)."
            ) from error
        finally:
            os.close(writing)
        reader = Thread(target=_read, args=(output, lines, say), daemon=True)
        reader.start()
        with process:
            try:
                _, errors = process.communicate(given, within_seconds)
            except BaseException:
                process.kill()
                raise
        reader.join()
    return Result(process.returncode, "".join(lines), errors.decode(errors="replace"))


def _read(output: IO[bytes], lines: list[str], say: Callable[[str], None] | None) -> None:
    for line in output:
        lines.append(line.decode(errors="replace"))
        if say is not None:
            say(lines[-1].rstrip("\n"))


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".") if lines else "it says nothing"
