"""The reset of a user after use: nothing of it is left on the machine when somebody else becomes it.

Sessions have their processes, /tmp, /dev/shm and IPC in namespaces that are gone with them, and their files belong to
the worker; so there is normally nothing to do, and this is how that is checked. Only for root.
Invariant: no link is followed; what belongs to another user stays.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
from collections.abc import Iterator, Set
from pathlib import Path

from sagews.worker.system_calls import LIBC

OPEN_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/run/user")
"""Where anybody can leave something."""
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron/atjobs", "/var/spool/at", "/var/mail", "/var/spool/mail")
"""What is done, or kept, for a user who is not there."""
END_SECONDS = 5.0
ROUNDS = 5
_REMOVE = 0  # IPC_RMID
_IPC = {"shm": 7, "msg": 7, "sem": 4}
"""Where each file of /proc/sysvipc has the owner's user id; the identifier is the second number."""


def reset(users: Set[int]) -> list[str]:
    """Wipe what these have on this machine; returns what is left in spite of it, in words."""
    for _ in range(ROUNDS):
        found = list(processes_of(users))
        if not found:
            break
        end(found)
    for kind, number, _ in ipc_of(users):
        _remove_ipc(kind, number)
    for path in files_of(users):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):  # what cannot be deleted is among what remains
                path.unlink()
    return remains(users)


def remains(users: Set[int]) -> list[str]:
    """What these have on this machine now, in words; nothing is changed."""
    return [
        *(f"process {process}" for process in processes_of(users)),
        *(f"System V {kind} {number} of user {owner}" for kind, number, owner in ipc_of(users)),
        *(str(path) for path in files_of(users)),
    ]


def processes_of(users: Set[int]) -> Iterator[int]:
    """Process ids; whose real, effective or saved user is one of these."""
    for name in os.listdir("/proc"):  # noqa: PTH208 (thousands of paths would be made)
        if name.isdigit() and name != str(os.getpid()) and not users.isdisjoint(_users_of(name)):
            yield int(name)


def _users_of(process: str) -> set[int]:
    try:
        with open(f"/proc/{process}/status", "rb") as file:  # noqa: PTH123
            lines = file.read().split(b"\n")
    except (FileNotFoundError, ProcessLookupError):
        return set()
    if any(line.startswith(b"State:\tZ") for line in lines):
        return set()
    return {int(number) for line in lines if line.startswith(b"Uid:") for number in line.split()[1:]}


def end(processes: list[int]) -> None:
    """Kill them, and wait until they are gone."""
    for process in processes:
        try:
            fd = os.pidfd_open(process)
        except ProcessLookupError:
            continue
        try:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            select.select([fd], [], [], END_SECONDS)
        except ProcessLookupError:
            pass
        finally:
            os.close(fd)


def ipc_of(users: Set[int]) -> Iterator[tuple[str, int, int]]:
    """Kind, identifier and owner of System V shared memory, queues and semaphores (sysvipc(7))."""
    for kind, column in _IPC.items():
        file = Path("/proc/sysvipc", kind)
        for line in file.read_text().splitlines()[1:] if file.exists() else ():
            fields = line.split()
            owner = int(fields[column])
            if owner in users:
                yield kind, int(fields[1]), owner


def _remove_ipc(kind: str, number: int) -> None:
    if kind == "sem":
        LIBC.semctl(number, 0, _REMOVE)
    else:
        getattr(LIBC, f"{kind}ctl")(number, _REMOVE, ctypes.c_void_p())


def files_of(users: Set[int]) -> Iterator[Path]:
    """Files and folders of theirs in the places that are open to all, and in the spools."""
    for name in (*OPEN_FOLDERS, *SPOOLS):
        try:
            with os.scandir(name) as entries:
                found = list(entries)
        except (FileNotFoundError, NotADirectoryError):
            continue
        yield from (Path(entry) for entry in found if _owner_of(entry) in users)


def _owner_of(entry: os.DirEntry[str]) -> int | None:
    """User id; None where it is gone by now: that of one says nothing about the others."""
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except FileNotFoundError:
        return None
