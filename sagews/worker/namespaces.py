"""Namespaces: making them, and forking the first process of one (namespaces(7)).

Invariant: the process that asks stays in its own namespaces. Standard library only, one thread.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

from sagews.worker.system_calls import LIBC, call, check, libc

CLONE_VM = 0x100
NEW_MOUNTS = 0x0002_0000
NEW_CGROUPS = 0x0200_0000
NEW_HOST_NAME = 0x0400_0000
NEW_IPC = 0x0800_0000
NEW_USERS = 0x1000_0000
NEW_PROCESSES = 0x2000_0000
NEW_NETWORK = 0x4000_0000

HOST_NAME = b"sage"
STACK_BYTES = 64 * 1024
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1

_PID = struct.Struct("!q")


def unshare(which: int) -> None:
    """Leave these namespaces for new ones.

    :raises OSError: where the kernel refuses.
    """
    libc("unshare", which)


def fork_first() -> int:
    """Fork a process that is number 1 of a namespace of processes. Only for root.

    :return: its process id as we see it; 0 in it.
    :raises OSError: where there cannot be one more.
    """
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare(NEW_PROCESSES)
        child = -1
        try:
            child = os.fork()
        finally:
            if child:
                call("setns", own, NEW_PROCESSES)
    finally:
        os.close(own)
    return child


def fork_first_as_user() -> int:
    """The same for an ordinary user: the process has all rights in its own user namespace, which has this user only.

    We have to be a subreaper: a process in between makes the namespaces, forks, and is gone when this returns.
    """
    told, tell = os.pipe2(os.O_CLOEXEC)
    between = os.fork()
    if between == 0:
        child = _fork_in_between(tell)
        os.close(told)
        os.close(tell)
        return child
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        data = pipe.read(_PID.size)
    os.waitpid(between, 0)
    if len(data) != _PID.size:
        raise OSError(errno.EPERM, "a user namespace cannot be made", "unshare")
    return int(_PID.unpack(data)[0])


def _fork_in_between(tell: int) -> int:
    """Returns only in the process that is forked."""
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(NEW_USERS | NEW_PROCESSES)
        map_ids(Path("/proc/self"), (user, user), (group, group))
        child = os.fork()
    except OSError:
        os._exit(1)
    if child:
        os.write(tell, _PID.pack(child))
        os._exit(0)
    return child


def map_ids(folder: Path, user: tuple[int, int], group: tuple[int, int]) -> None:
    """Say which one user and group a user namespace has: (inside, outside) (user_namespaces(7)).

    :param folder: of a process in it, in /proc.
    """
    if os.geteuid() != 0:
        (folder / "setgroups").write_text("deny")
    (folder / "uid_map").write_text(f"{user[0]} {user[1]} 1")
    (folder / "gid_map").write_text(f"{group[0]} {group[1]} 1")


def user_namespace(user: tuple[int, int], group: tuple[int, int], proc: Path) -> int:
    """A descriptor of a new user namespace with one user and group; (inside, outside). Only for root.

    It belongs to a process that does nothing, runs no code of ours (our memory is not copied for it), and is gone
    when this returns.

    :param proc: where the processes of our namespace are mounted.
    :raises OSError: where the kernel refuses.
    """
    stack = ctypes.create_string_buffer(STACK_BYTES)
    top = (ctypes.addressof(stack) + STACK_BYTES) & ~15
    flags = NEW_USERS | CLONE_VM | signal.SIGCHLD
    pause = ctypes.cast(LIBC.pause, ctypes.c_void_p)
    sleeper = check(LIBC.clone(pause, ctypes.c_void_p(top), ctypes.c_int(flags), None), "clone")
    try:
        map_ids(proc / str(sleeper), user, group)
        return os.open(proc / str(sleeper) / "ns" / "user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.kill(sleeper, signal.SIGKILL)
        os.waitpid(sleeper, 0)


def isolate() -> None:
    """Take namespaces of our own for everything but users and processes."""
    unshare(NEW_MOUNTS | NEW_CGROUPS | NEW_HOST_NAME | NEW_IPC | NEW_NETWORK)
    libc("sethostname", HOST_NAME, len(HOST_NAME))
    _loopback_up()


def _loopback_up() -> None:
    """Let a session's own programs talk with each other (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asking:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(asking, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(asking, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
