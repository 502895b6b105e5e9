"""The trial: what of the confinement this machine can do, found by doing it in processes that are thrown away.

Invariant: this process stays as it is. Called in a zygote while it is small, before its environment is loaded.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sagews.messages.records import Limits
from sagews.worker import control_groups, filesystem_view, landlock, processes, seccomp, zygote_command
from sagews.worker.confinement import Confinement
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.control_groups import ControlGroups
from sagews.worker.protection import Protection
from sagews.worker.session_user import SessionUser
from sagews.worker.system_calls import call

PROGRAM = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """What there is."""

    confinement: Confinement
    groups: ControlGroups | None
    present: Protection


def try_out(settings: ConfinementSettings, data: Path) -> Outcome:
    """Find the best confinement that works here.

    :param data: the zygote's own folder; the view is mounted in it.
    """
    if not settings.wanted:
        return Outcome(Confinement(), None, Protection(0))
    present = Protection(0)
    confinement = Confinement(owner=settings.owner, as_root=os.geteuid() == 0)
    readable = filesystem_view.own_folders(PROGRAM, data / "home")
    confinement = replace(confinement, readable=readable, landlock=landlock.version())
    if confinement.landlock:
        present |= Protection.LANDLOCK
    if _works("system calls", _filter):
        confinement = replace(confinement, filtered=True)
        present |= Protection.SYSTEM_CALLS
    confinement, more = _with_namespaces(confinement, settings, data)
    groups = control_groups.find()
    if groups:
        more |= Protection.MEMORY | (Protection.PROCESSOR if "cpu" in groups.controllers else Protection(0))
    return Outcome(confinement, groups, present | more)


def _with_namespaces(plain: Confinement, settings: ConfinementSettings, data: Path) -> tuple[Confinement, Protection]:
    users = settings.users if plain.as_root else ()
    view = filesystem_view.FilesystemView(
        data / "view",
        (*plain.readable, *settings.shown),
        settings.hidden,
        users or (SessionUser.myself(),),
        private=(data / "home" / zygote_command.DOT_SAGE,),
        temporary_bytes=settings.temporary_bytes,
        shared_memory_bytes=settings.temporary_bytes,
    )
    inside = Protection.PROCESSES | Protection.FILES | Protection.NETWORK
    full = replace(plain, view=view, users=frozenset(users))
    with tempfile.TemporaryDirectory(dir=data) as folder:
        os.chown(folder, settings.owner if users else -1, -1)
        if users and _works("Unix users of their own", lambda: _whole(full, Path(folder), users[0])):
            return full, inside | Protection.USERS
        alone = replace(full, users=frozenset())
        if _works("namespaces", lambda: _whole(alone, Path(folder), None)):
            return alone, inside
    return plain, Protection(0)


def _whole(confinement: Confinement, folder: Path, user: SessionUser | None) -> None:
    """All the steps, and a file written at the end."""
    confinement.prepare()
    processes.become_subreaper()
    init = confinement.fork()
    if init:
        _succeed(init)
        return
    confinement.enter()
    go, gone = os.pipe2(os.O_CLOEXEC)
    outside = confinement.step_in()
    child = os.fork()
    if child == 0:
        os.close(gone)
        os.read(go, 1)
        confinement.go_home(None)
        confinement.give_up(Limits(), user, os.getppid(), filesystem_view.TEMPORARY)
        Path("tried").touch()
        os._exit(0)
    confinement.step_out(outside)
    home = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    confinement.take_in(home, user, [])
    os.close(gone)
    _succeed(child)
    os._exit(0)


def _filter() -> None:
    processes.control(processes.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install()
    try:
        call("keyctl", 0, 0, 0)
    except PermissionError:
        return
    raise OSError("the filter lets pass what it should not")


def _succeed(child: int) -> None:
    if os.waitpid(child, 0)[1]:
        raise ChildProcessError("a process inside failed")


def _works(what: str, trial: Callable[[], None]) -> bool:
    """Do it in a child; where it fails, the log has the reason."""
    sys.stderr.flush()
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    status = 1
    try:
        trial()
        status = 0
    except Exception as error:  # noqa: BLE001 (whatever it is, it does not work)
        sys.stderr.write(f"Sessions cannot have {what} here: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)
