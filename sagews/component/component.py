"""Component: the base class of everything that a site runs, with `start`, `status`, `stop`, `restart` and `reload`.

A subclass says what is different: its name, what it needs, its command, the files it is given, and how to find out
whether it answers. Where, as whom and by whom it is kept alive is the same for all.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar

from sagews.component.instance import ALL, Instance, choose, instances, port_of
from sagews.component.lock import InstanceLock
from sagews.component.log import InstanceLog
from sagews.component.status import State, Status, measured
from sagews.component.supervision import Supervision
from sagews.component.taken import TakenSettings
from sagews.configuration import Configuration
from sagews.configuration.run_files import read_status
from sagews.errors import SagewsError, SetupError, Unavailable

Say = Callable[[str], None]
"""Gets one sentence for people."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the programs of the system are, also for users whose own path lacks some."""
LOW_PORTS = 1024
ASK_SECONDS = 0.1
"""Between two questions to an instance that starts; its death is noticed at once."""


def _nothing(sentence: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Health:
    """What an instance said when it was asked whether it answers."""

    detail: str = ""
    """For people: ``answers``, ``3 workers, 12 connections``, ``primary, 14 connections``."""
    version: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Numbers worth watching, by name."""


class Component(ABC):
    """One kind of process of a site. Making one does nothing yet."""

    name: ClassVar[str]
    """As in the configuration and on the command line."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Names of the components that have to answer before it starts."""
    start_seconds: ClassVar[float] = 60.0
    """How long a start may take until it answers."""
    stop_seconds: ClassVar[float] = 15.0
    """How long it may take to finish its work before it is killed."""
    stays_root: ClassVar[bool] = False
    """Where root starts it, its command goes on as root, and becomes its user itself."""
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    reload_signal: ClassVar[signal.Signals] = signal.SIGHUP
    reads: ClassVar[tuple[str, ...]] = ()
    """Sections and settings of the configuration that it takes, besides [hosts] and those of its own section."""
    reload_takes_settings: ClassVar[bool] = False
    """Whether a reload has it take all of them; else it takes them when it starts."""

    programs: ClassVar[Mapping[str, str]] = {}
    """Programs of the system that it needs, and the Debian package of each."""

    def __init__(self, configuration: Configuration, file: Path, supervision: Supervision) -> None:
        """
        :param file: the configuration file, which our own programs read themselves.
        :param supervision: what keeps instances alive on this machine.
        """
        self.configuration = configuration
        self.file = file
        self.supervision = supervision

    # --- what a subclass says; all of it is called on the instance's own machine

    @abstractmethod
    def command(self, instance: Instance) -> Sequence[str]:
        """The program and its arguments. It runs in the foreground and logs to its standard error."""

    @abstractmethod
    def answers(self, instance: Instance) -> Health:
        """Ask the running instance, the way its users reach it; takes a few seconds at most.

        :raises Unavailable: it does not answer, or not rightly; the message says what was tried.
        """

    def missing_programs(self) -> Mapping[str, str]:
        """Those of its programs that this machine lacks."""
        return {program: package for program, package in self.programs.items() if not shutil.which(program, path=PATH)}

    def environment(self, instance: Instance) -> Mapping[str, str]:
        """Variables for its program, besides PATH, HOME and LANG."""
        return {}

    def needs_low_ports(self, instance: Instance) -> bool:
        """Whether it listens on a port below 1024, which only root may otherwise."""
        return 0 < self.port(instance) < LOW_PORTS

    def prepare(self, instance: Instance) -> None:  # noqa: B027 - most have nothing to do
        """Make the files and folders that it needs, before each start and reload; repeatable.

        Called as root (where the site runs as root), in ``state_folder`` and ``run_folder_of``, which exist and
        belong to its user; what it writes elsewhere or as root has to be readable for that user.

        :raises SetupError: something is missing or wrong, for example a program that is not installed.
        """

    def settle(self, instance: Instance) -> None:  # noqa: B027 - most have nothing to do
        """What has to be done once it answers, after each start; repeatable. Called as root, as `prepare` is."""

    # --- what every component has

    def instances(self) -> tuple[Instance, ...]:
        """All of them, as configured."""
        return instances(self.configuration, self.name)

    @property
    def user(self) -> str:
        """The Unix user that it runs as where root starts it; empty = the user who starts it."""
        return str(getattr(self.configuration, self.name).user)

    def state_folder(self, instance: Instance) -> Path:
        """What it keeps: closed to other users, belongs to its own."""
        return self.configuration.state_folder(instance.component, instance.number)

    def run_folder(self, instance: Instance) -> Path:
        """Sockets and what it tells others; belongs to its own user, others may look."""
        return self.configuration.run_folder_of(instance.component, instance.number)

    def address(self, instance: Instance) -> str:
        """Where other machines reach it."""
        return self.configuration.hosts[instance.host].address

    def port(self, instance: Instance) -> int:
        """Its real port: configured, or (of any free one) as its status file says; 0 = not known yet."""
        configured = port_of(self.configuration, instance)
        if configured:
            return configured
        told = read_status(self.configuration.status_file(instance.component, instance.number))
        return int(told.get("port", 0))

    def lock(self, instance: Instance) -> InstanceLock:
        """By which it is known whether the instance lives."""
        return InstanceLock(self.configuration.run_folder / "locks" / instance.program)

    def taken_settings(self, instance: Instance) -> TakenSettings:
        """What it has of the configuration."""
        own = (one.name for one in fields(getattr(self.configuration, self.name)) if one.name != "hosts")
        path = self.configuration.run_folder / "settings" / instance.program
        return TakenSettings(path, ("hosts", *(f"{self.name}.{name}" for name in own), *self.reads))

    def log(self, instance: Instance) -> InstanceLog:
        """What it prints."""
        return InstanceLog(self.configuration.data_folder / "log" / f"{instance.program}.log")

    # --- start, status, stop, restart, reload: of the instances on this machine, each repeatable

    def here(self, which: str = ALL) -> tuple[Instance, ...]:
        """The instances on this machine that ``which`` means, see `choose`.

        :raises UsageError: there is none of that name on any machine.
        """
        return tuple(one for one in choose(self.configuration, self.name, which) if one.host == self.configuration.host)

    def start(self, which: str = ALL, say: Say = _nothing) -> tuple[Instance, ...]:
        """Start instances; returns when all answer.

        :param which: ``all``, a number, or a name as ``backend:1``.
        :raises SetupError: one ends or does not answer in time; the message has the last lines of its log.
        """
        chosen = self.here(which)
        self.supervision.ensure()
        marks = {one: self.log(one).size for one in chosen}
        fresh = [one for one in chosen if not self._lives(one)]
        if fresh:
            say(f"starting {', '.join(map(str, fresh))} ...")
        for one in chosen:
            self.supervision.start(one)
        for one in chosen:
            self._until_it_answers(one, marks[one])
            self.settle(one)
            say(f"{one} {'answers' if one in fresh else 'runs already'} (port {self.port(one) or 'none'})")
        return chosen

    def stop(self, which: str = ALL, say: Say = _nothing) -> tuple[Instance, ...]:
        """Stop instances: each finishes its work within `stop_seconds`, or is killed; returns when all are gone."""
        chosen = self.here(which)
        running = [one for one in chosen if self._lives(one)]
        if running:
            say(f"stopping {', '.join(map(str, running))} ...")
        for one in chosen:
            self.supervision.stop(one)
            self._signal(one, self.stop_signal)
        deadline = time.monotonic() + self.stop_seconds
        for one in chosen:
            how = self._until_it_is_gone(one, deadline) if one in running else "was stopped already"
            _until_end(self.supervision.process(one))  # it may be on its way to become the instance
            say(f"{one} {how}")
        return chosen

    def restart(self, which: str = ALL, say: Say = _nothing) -> tuple[Instance, ...]:
        """Stop and start instances, one after the other, so that the others carry the site meanwhile."""
        for one in self.here(which):
            self.stop(str(one), say)
            self.start(str(one), say)
        return self.here(which)

    def reload(self, which: str = ALL, say: Say = _nothing) -> tuple[Instance, ...]:
        """Let running instances take new certificates and files, without dropping a connection.

        Also all settings where `reload_takes_settings`; programs of ours, of the others: see `Reloading`.
        """
        chosen = self.here(which)
        for one in chosen:
            if not self._lives(one):
                say(f"{one} does not run")
                continue
            self.prepare(one)
            self._signal(one, self.reload_signal)
            self._until_it_answers(one, self.log(one).size)
            if self.reload_takes_settings:
                self.taken_settings(one).note(self.configuration)
            say(f"{one} has been reloaded")
        return chosen

    def status(self, which: str = ALL) -> list[Status]:
        """What instances do."""
        return measured([self._status(one) for one in self.here(which)])

    def _status(self, instance: Instance) -> Status:
        pid, wanted = self.lock(instance).pid, self.supervision.is_wanted(instance)
        if not pid:
            if not wanted:
                return Status(instance, State.STOPPED)
            return Status(
                instance, State.DOWN, health=f"ended; the last it said: {self.log(instance).last_words[:200]}"
            )
        port = self.port(instance)
        try:
            health = self.answers(instance)
        except SagewsError as error:
            return Status(instance, State.SILENT, pid, port, health=error.what)
        detail = health.detail
        if self.taken_settings(instance).differ(self.configuration):
            verb = "reload" if self.reload_takes_settings else "restart"
            detail += f"; has not taken new settings (sagews {verb} {instance})"
        return Status(instance, State.UP, pid, port, version=health.version, health=detail, figures=health.figures)

    def _lives(self, instance: Instance) -> bool:
        return self.lock(instance).pid != 0

    def _until_it_answers(self, instance: Instance, mark: int) -> None:
        deadline = time.monotonic() + self.start_seconds
        began = self.supervision.started(instance)
        while True:
            try:
                self.answers(instance)
            except Unavailable as error:
                last = error.what
            else:
                return
            if self._has_ended(instance, began):
                self.stop(str(instance))
                raise self._cannot_start(instance, "ended while it started", mark)
            if time.monotonic() > deadline:
                raise self._cannot_start(instance, f"does not answer after {self.start_seconds:g} s ({last})", mark)
            self._until_death(instance, ASK_SECONDS)

    def _has_ended(self, instance: Instance, began: int) -> bool:
        """Whether one that was started then has ended, or was stopped by somebody else, even if it lives again."""
        supervision = self.supervision
        return (
            supervision.has_failed(instance)
            or supervision.started(instance) != began
            or not supervision.is_wanted(instance)
        )

    def _until_it_is_gone(self, instance: Instance, deadline: float) -> str:
        lock = self.lock(instance)
        if self._until_death(instance, deadline - time.monotonic()):
            return "has stopped"
        pid = lock.pid
        if not pid:
            lock.wait()
            return "has stopped"
        self._signal(instance, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what it leaves behind holds the lock too
        lock.wait()
        return f"did not stop within {self.stop_seconds:g} s and was killed"

    def _until_death(self, instance: Instance, within_seconds: float) -> bool:
        """Wait until the instance is gone; False where it still lives then."""
        pid = self.lock(instance).pid
        if pid:
            _until_end(pid, within_seconds)
        elif self.lock(instance).is_held or self.supervision.is_kept(instance):  # it has not begun yet
            time.sleep(max(0.0, min(within_seconds, ASK_SECONDS)))
        return not self.lock(instance).is_held

    def _signal(self, instance: Instance, number: signal.Signals) -> None:
        """Send a signal to a live instance."""
        pid = self.lock(instance).pid
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _cannot_start(self, instance: Instance, what: str, mark: int) -> SetupError:
        log = self.log(instance)
        last = dict.fromkeys(log.lines(mark))  # each attempt says the same
        lines = "\n".join(f"  {line}" for line in last) or "  (nothing)"
        return SetupError(
            f"{instance} {what}. The end of its log ({log.path}):\n{lines}\n", mend="Mend that and start it again."
        )


def _until_end(pid: int, within_seconds: float = 30.0) -> None:
    """Return when a process is gone, or after that time; 0 = there is none."""
    try:
        watched = os.pidfd_open(pid) if pid else -1
    except ProcessLookupError:
        return
    if watched < 0:
        return
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll(max(0.0, within_seconds * 1000))
    finally:
        os.close(watched)
