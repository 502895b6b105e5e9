"""Keep: what supervisord runs for an instance; becomes the instance, or waits beside one that lives already.

After a ``kill -9`` of supervisord the instances live on. The next supervisord runs `keep` again for each, and a second
instance must not start: `keep` then waits until the first one ends, and hands on the signal that tells it to stop.
Invariant: what waits ends with its supervisord, else it would become an instance that nobody keeps or can stop.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from sagews.component.component import PATH, Component
from sagews.component.instance import Instance
from sagews.component.lock import InstanceLock
from sagews.component.privileges import become
from sagews.errors import SetupError

LOG_BYTES = 16 * 2**20
"""A log larger than this is set aside (one generation) when its instance starts."""
OPEN_FOLDER, CLOSED_FOLDER = 0o755, 0o700
PR_SET_PDEATHSIG = 1
"""prctl(2): which signal a process gets when its parent ends; 0 = none."""
INIT = 1


def keep(component: Component, instance: Instance) -> NoReturn:
    """Become the instance.

    :raises SetupError: it cannot be prepared; its log has the same sentence.
    """
    supervisord, user = os.getppid(), _user(component)
    _make_folders(component, instance, user)
    _log_to(component.log(instance).path)
    lock = component.lock(instance)
    while not lock.take():
        _end_with(supervisord)
        _wait_beside(component, lock)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
    try:
        component.prepare(instance)
        command = list(component.command(instance))
        component.taken_settings(instance).note(component.configuration)
        _become(None if component.stays_root else user, low_ports=component.needs_low_ports(instance))
        os.execvpe(command[0], command, _environment(component, instance, user))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        raise
    except FileNotFoundError as error:
        raise SetupError(
            f"There is no program {error.filename}.", mend="`sagews check` says what to install."
        ) from error


def _wait_beside(component: Component, lock: InstanceLock) -> None:
    """Return when the one that holds the lock has ended by itself, and nothing is left of it; told to stop, leave."""
    pid, told = lock.pid, []

    def hand_on(number: int, frame: object) -> None:
        told.append(number)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, component.stop_signal)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, component.stop_signal):
        signal.signal(number, hand_on)
    sys.stderr.write(f"It runs already (pid {pid}); waiting until it ends.\n")
    _until_end(pid)
    end_remnants(pid)
    lock.wait()
    if told:
        sys.exit(0)


def _until_end(pid: int) -> None:
    """Return when a process is gone; 0 = there is none."""
    try:
        watched = os.pidfd_open(pid) if pid else -1
    except ProcessLookupError:
        return
    if watched >= 0:
        select.select([watched], [], [])
        os.close(watched)


def _end_with(supervisord: int) -> None:
    """End when our parent does, or now, where it has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != supervisord or supervisord == INIT:
        sys.exit(0)


def end_remnants(pid: int) -> None:
    """Kill what a dead instance has left behind: its process group, of which it was the first."""
    if pid and not Path(f"/proc/{pid}/exe").exists():
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _make_folders(component: Component, instance: Instance, user: pwd.struct_passwd | None) -> None:
    for folder, mode in (
        (component.run_folder(instance), OPEN_FOLDER),
        (component.state_folder(instance), CLOSED_FOLDER),
    ):
        folder.mkdir(mode=mode, exist_ok=True)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
            folder.chmod(mode)


def _log_to(file: Path) -> None:
    """Write to the log from now on, as what comes of us will: a file of our own, whoever started us may die.

    The pipe that was our input is kept without being read: supervisord, which may watch its other end by mistake (it
    forgets to forget the numbers of descriptors), would otherwise be told of an error in it without a pause, and spin.
    """
    if file.exists() and file.stat().st_size > LOG_BYTES:
        file.replace(file.with_suffix(".log.old"))
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    os.set_inheritable(os.dup(0), True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _user(component: Component) -> pwd.struct_passwd | None:
    """Whom it becomes; None = it stays who it is.

    :raises SetupError: there is no such user.
    """
    if os.geteuid() != 0 or not component.user:
        return None
    try:
        return pwd.getpwnam(component.user)
    except KeyError as error:
        raise SetupError(
            f"There is no Unix user {component.user} for {component.name}.",
            mend="`sagews init` makes the users of a site.",
        ) from error


def _become(user: pwd.struct_passwd | None, *, low_ports: bool) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0o077)
    if user is not None:
        become(user, low_ports=low_ports)


def _environment(component: Component, instance: Instance, user: pwd.struct_passwd | None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name.startswith("SAGEWS_")}
    name = user.pw_name if user is not None else pwd.getpwuid(os.geteuid()).pw_name
    plain = {
        "PATH": f"{Path(sys.executable).parent}:{PATH}",
        "HOME": str(component.state_folder(instance)),
        "USER": name,
        "LOGNAME": name,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return plain | ours | dict(component.environment(instance))
