"""Supervision: the supervisord of this machine, which keeps the wanted instances alive.

Invariants: which instances are wanted is on disk (`run/wanted/`), so a supervisord that is started anew keeps exactly
those alive; it never owns a pipe or a descriptor of theirs, so its death harms nobody.
"""

from __future__ import annotations

import fcntl
import os
import select
import shlex
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from supervisor.xmlrpc import Faults, SupervisorTransport

from sagews.component.instance import Instance
from sagews.configuration import Configuration
from sagews.configuration.run_files import make_folder
from sagews.errors import SetupError, Unavailable
from sagews.hosts import PROGRAM_FOLDER

T = TypeVar("T")

START_SECONDS = 20
STOP_SECONDS = 60
OPEN_FOLDER = 0o755
LONGEST_SOCKET = 100
"""A Unix socket's path holds 107 bytes (unix(7)); supervisord adds a pid to it at first."""
ENDED = ("BACKOFF", "FATAL", "EXITED", "UNKNOWN")
"""States of a program whose start has failed."""


@dataclass(frozen=True)
class Program:
    """What supervisord has to know about an instance."""

    instance: Instance
    command: Sequence[str]
    stop_signal: signal.Signals
    stop_seconds: float


class Supervision:
    """The supervisord of this machine and this site."""

    def __init__(self, configuration: Configuration, programs: Sequence[Program]) -> None:
        """
        :param programs: every instance of the site on this machine; may be set later.
        """
        self._configuration = configuration
        self.programs = programs
        self._folder = configuration.run_folder
        self._socket = self._folder / "supervisor.sock"
        self._wanted = self._folder / "wanted"
        self._remembered = (self._folder / "locks", self._folder / "settings")

    @property
    def pid(self) -> int:
        """Of supervisord; 0 = it does not answer."""
        try:
            return int(self._ask(lambda proxy: proxy.supervisor.getPID()))
        except Unavailable:
            return 0

    def ensure(self) -> None:
        """Start it where it does not run, and tell it what the configuration has now; repeatable.

        :raises SetupError: it cannot be started; the message has the end of its log.
        """
        self._make_folders()
        with self._alone():  # two who start at once would start two
            self._write()
            if self.pid:
                self._tell_changes()
            else:
                self._launch()

    def start(self, instance: Instance) -> None:
        """Want an instance to live, from now on; returns before it does."""
        with self._alone():  # another's renewal makes a program unknown for a moment
            (self._wanted / instance.program).touch()
            if self.is_kept(instance):
                return
            self._renew(instance.program)
            try:
                self._ask(lambda proxy: proxy.supervisor.startProcess(instance.program, False))
            except KeyError:
                if not self.is_kept(instance):  # it may have been started for being wanted
                    raise

    def stop(self, instance: Instance) -> None:
        """Want it no longer and tell it to stop; returns before it has. Repeatable."""
        if not self._folder.exists():
            return
        with self._alone():
            (self._wanted / instance.program).unlink(missing_ok=True)
            if self.pid:
                self._stop(instance.program)

    def is_wanted(self, instance: Instance) -> bool:
        """Whether the operator wants it to live."""
        return (self._wanted / instance.program).exists()

    def is_kept(self, instance: Instance) -> bool:
        """Whether supervisord has a live process for it."""
        return self._info(instance).get("statename") in ("STARTING", "RUNNING")

    def has_failed(self, instance: Instance) -> bool:
        """Whether it ended although it should not have."""
        return self._info(instance).get("statename") in ENDED

    def process(self, instance: Instance) -> int:
        """The pid of its process for an instance, also while that stops; 0 = it has none."""
        return int(self._info(instance).get("pid", 0))

    def started(self, instance: Instance) -> int:
        """When it was last started (seconds since 1970): it changes when the instance ended and was started again."""
        return int(self._info(instance).get("start", 0))

    def shut_down(self) -> None:
        """End supervisord, once nothing is wanted of it any more; returns when it is gone. Repeatable."""
        pid = self.pid
        if any(self._wanted.glob("*")) or not pid:
            return
        watched = os.pidfd_open(pid)
        try:
            self._ask(lambda proxy: proxy.supervisor.shutdown())
            poll = select.poll()
            poll.register(watched, select.POLLIN)
            if not poll.poll(STOP_SECONDS * 1000):
                raise Unavailable(f"supervisord (pid {pid}) does not end.", mend=f"End it: kill -9 {pid}.")
        finally:
            os.close(watched)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one, in this process and others, who changes what supervisord knows."""
        with (self._folder / "supervision.lock").open("w") as lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
            yield

    def _tell_changes(self) -> None:
        added, _, removed = self._ask(lambda proxy: proxy.supervisor.reloadConfig())[0]
        for name in added:
            self._ask(partial(_add, name))
        for name in removed:
            self._stop(name, wait=True)
            self._ask(partial(_remove, name))
            (self._wanted / name).unlink(missing_ok=True)

    def _renew(self, name: str) -> None:
        """Let a program that does not run have the command of now: after an upgrade it is another."""
        try:
            self._ask(partial(_remove, name))
        except KeyError:
            return  # it is just being started again
        self._ask(partial(_add, name))

    def _info(self, instance: Instance) -> dict[str, Any]:
        try:
            return dict(self._ask(lambda proxy: proxy.supervisor.getProcessInfo(instance.program)))
        except (Unavailable, KeyError):
            return {}

    def _stop(self, name: str, *, wait: bool = False) -> None:
        try:
            self._ask(lambda proxy: proxy.supervisor.stopProcess(name, wait))
        except KeyError:
            return  # it does not run, or supervisord has never heard of it

    def _ask(self, question: Callable[[Any], T]) -> T:
        """Ask supervisord.

        :raises Unavailable: it does not answer.
        :raises KeyError: it knows no such program, or the program is in another state than the question needs.
        """
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            return question(xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport))
        except xmlrpc.client.Fault as error:
            if error.faultCode == Faults.SHUTDOWN_STATE:
                raise Unavailable("supervisord is ending.", mend="Try again in a moment.") from error
            raise KeyError(error.faultString) from error
        except (OSError, xmlrpc.client.Error) as error:
            raise Unavailable(
                f"supervisord does not answer on {self._socket}: {error}.", mend="`sagews start` starts it again."
            ) from error
        finally:
            transport.close()

    def _launch(self) -> None:
        log = self._configuration.data_folder / "log" / "supervisord.log"
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._folder / "supervisord.conf")]
        done = subprocess.run(
            command, cwd=PROGRAM_FOLDER, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        if done.returncode != 0 or not self.pid:
            said = done.stderr.strip() or done.stdout.strip() or _end_of(log)
            raise SetupError(f"supervisord cannot be started: {said}", mend=f"See {log}.")

    def _make_folders(self) -> None:
        if len(str(self._socket.absolute())) > LONGEST_SOCKET:
            raise SetupError(
                f"The path of the site's folder is too long for a socket in it: {self._configuration.data_folder}.",
                mend=f"Choose one of at most {LONGEST_SOCKET - len('/run/supervisor.sock')} characters.",
            )
        log = self._configuration.data_folder / "log"
        for folder in (self._configuration.data_folder, self._folder, log, self._wanted, *self._remembered):
            make_folder(folder)
            if os.geteuid() == 0 and folder != log:
                folder.chmod(OPEN_FOLDER)  # components of other users find what is theirs below

    def _write(self) -> None:
        text = "\n".join([self._head(), *(self._section(one) for one in self.programs)])
        (self._folder / "supervisord.conf").write_text(text)

    def _head(self) -> str:
        user = "user=root\n" if os.geteuid() == 0 else ""
        log = self._configuration.data_folder / "log" / "supervisord.log"
        return (
            f"[unix_http_server]\nfile={_quoted(self._socket)}\nchmod=0600\n\n"
            f"[supervisord]\n{user}logfile={_quoted(log)}\nlogfile_maxbytes=4MB\nlogfile_backups=2\n"
            f"pidfile={_quoted(self._folder / 'supervisord.pid')}\nchildlogdir={_quoted(self._folder)}\nminfds=4096\n\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        )

    def _section(self, program: Program) -> str:
        name = program.instance.program
        command = " ".join(_word(word) for word in program.command)
        lines = {
            "command": command,
            "directory": _quoted(PROGRAM_FOLDER),
            "autostart": "true" if self.is_wanted(program.instance) else "false",
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "1000000",
            "stopsignal": program.stop_signal.name.removeprefix("SIG"),
            "stopwaitsecs": str(round(program.stop_seconds) + 5),
            "stdout_logfile": "NONE",
            "stderr_logfile": "NONE",
        }
        return f"[program:{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def _add(name: str, proxy: Any) -> None:
    proxy.supervisor.addProcessGroup(name)


def _remove(name: str, proxy: Any) -> None:
    proxy.supervisor.removeProcessGroup(name)


def _quoted(value: object) -> str:
    """As supervisord reads it: a percent sign begins a variable."""
    return str(value).replace("%", "%%")


def _word(text: str) -> str:
    """One word of a command, as supervisord splits it (like a shell)."""
    return _quoted(shlex.quote(text))


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else "it says nothing"
