"""Runs one component of a site for a test, in the way `sagews keep` does: prepared, in the foreground, as its own user.

Invariant: the process ends with the test process, however that one ends; folders are removed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from sagews.certificates import make_all
from sagews.component import Component, Health, Instance
from sagews.component.supervision import Supervision
from sagews.configuration import Configuration, load
from sagews.errors import Unavailable
from sagews.worker.protection import Protection
from tests.waiting import eventually_sync

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_COMPONENTS = ("postgresql", "memcached", "logserver", "worker", "backend", "staticserver", "loadbalancer")


@contextlib.contextmanager
def site_folder(settings: str = "", **users: str) -> Iterator[Configuration]:
    """The configuration of a new whole site with all its certificates; its folder is removed at the end.

    :param settings: TOML; ports are 0 unless it says otherwise.
    :param users: Unix users by component, where root runs the test; the others run as we do.
    """
    # Not pytest's folder: that is closed to other users, and too long for the path of a Unix socket.
    folder = Path(tempfile.mkdtemp(prefix="sagews-site-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        chosen = {name: users.get(name, "") if os.geteuid() == 0 else "" for name in _COMPONENTS}
        lines = ['data_folder = "."', 'site.profile = "site"']
        lines.append(f"worker.unprotected = {[one.label for one in Protection]}")  # whatever this machine lacks
        lines += [f'{name}.user = "{user}"' for name, user in chosen.items()]
        lines += [f"{name}.port = 0" for name in _COMPONENTS if f"{name}.port" not in settings]
        file = folder / "sagews.toml"
        file.write_text("\n".join([*lines, settings, ""]))
        configuration = load(file, {})
        make_all(configuration)
        yield configuration
    finally:
        shutil.rmtree(folder)


C = TypeVar("C", bound=Component)


def component_of(kind: type[C], configuration: Configuration) -> C:
    """A component of a site of `site_folder`; nothing keeps its instances alive."""
    return kind(configuration, configuration.data_folder / "sagews.toml", Supervision(configuration, ()))


class Running:
    """A component's instance with its process."""

    def __init__(self, component: Component, instance: Instance) -> None:
        self.component = component
        self.instance = instance
        self.process: subprocess.Popen[bytes] | None = None
        self.log = component.configuration.data_folder / f"{instance.program}.log"

    def make_folders(self) -> None:
        """Those that a component may count on."""
        for folder, mode in (
            (self.component.configuration.run_folder, 0o755),
            (self.component.run_folder(self.instance), 0o755),
            (self.component.state_folder(self.instance), 0o700),
        ):
            folder.mkdir(mode=mode, exist_ok=True)
            folder.chmod(mode)
            user = self._user() if folder.name == self.instance.program else None
            if user is not None:
                os.chown(folder, user.pw_uid, user.pw_gid)

    def start(self) -> Health:
        """Start it; returns when it answers and is settled."""
        self.make_folders()
        self.component.prepare(self.instance)
        run_as: dict[str, Any] = {}
        if (user := self._user()) is not None:
            run_as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.component.command(self.instance),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment | dict(self.component.environment(self.instance)),
                preexec_fn=_end_with_parent,
                **run_as,
            )
        eventually_sync(self._answers_or_ended, within_seconds=60)
        self.component.settle(self.instance)
        return self.component.answers(self.instance)

    def stop(self, how: signal.Signals | None = None) -> int | None:
        """End it; repeatable. Returns its exit status."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.send_signal(how or self.component.stop_signal)
        if how is not signal.SIGKILL:
            process.send_signal(signal.SIGCONT)
        return process.wait(60)

    def _answers_or_ended(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.instance} ended:\n{self.log.read_text()[-3000:]}")
        try:
            self.component.answers(self.instance)
        except Unavailable:
            return False
        return True

    def _user(self) -> pwd.struct_passwd | None:
        return pwd.getpwnam(self.component.user) if os.geteuid() == 0 and self.component.user else None


@contextlib.contextmanager
def running(component: Component, number: int = 0) -> Iterator[Running]:
    """An instance that runs and answers."""
    one = Running(component, component.instances()[number])
    try:
        one.start()
        yield one
    finally:
        one.stop()


def _end_with_parent() -> None:
    # In the child, before it becomes the component (prctl(2), PR_SET_PDEATHSIG).
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
