"""The init of a session: parent of everything that the session ever starts.

Invariant: when this process ends, no descendant of the session lives. It ends them when the user's process
has ended, when the worker server closes the control socket or says so, and when the zygote dies (SIGTERM
by PDEATHSIG). Where it is killed itself, the zygote adopts and ends what was below it.
Runs no user's code and reads nothing but single bytes of the server.
"""

from __future__ import annotations

import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from sagews.worker import confinement, processes
from sagews.worker.fork_requests import (
    CONTROL_DESCRIPTOR,
    FINISH,
    FORK_DESCRIPTORS,
    INTERRUPT,
    REQUEST_BYTES,
    UserStatus,
)


@dataclass(frozen=True)
class Preparation:
    """What a session has before anybody asked for it."""

    door: socket.socket
    """Through it come one `Request` and its descriptors; it is closed where the session is never asked for."""
    temporary: str
    """Folder for temporary files: for init, one that all sessions share; for the user's process, its own."""
    parent: int
    """Process id of the parent, with which this process ends."""


UserMain = Callable[[Preparation], NoReturn]


def run(preparation: Preparation, user_main: UserMain) -> NoReturn:
    """Be the init of one session. Called in a fresh fork of the zygote; never returns.

    :param user_main: what the user's process does, after it has been forked.
    """
    status = 1
    try:
        os.setsid()
        processes.become_subreaper()
        confinement.keep_descriptors([preparation.door.fileno()])
        _supervise(preparation, user_main)
        status = 0
    except BaseException:  # noqa: BLE001 (nothing may return into the zygote's code)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _supervise(preparation: Preparation, user_main: UserMain) -> None:
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _noted)
    signal.signal(signal.SIGTERM, _noted)
    processes.die_with_parent(signal.SIGTERM, preparation.parent)
    folder = tempfile.mkdtemp(prefix="session-", dir=preparation.temporary)
    try:
        inner, outer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        user = _fork_user(Preparation(outer, folder, os.getpid()), user_main)
        outer.close()
        control = _hand_in(preparation.door, inner, wake)
        status = _wait(control, wake, user) if control else _end(user)
    finally:
        processes.kill_descendants()
        shutil.rmtree(folder, ignore_errors=True)
    if control:
        _report(control, status)


def _hand_in(door: socket.socket, inner: socket.socket, wake: int) -> socket.socket | None:
    """Wait until the session is asked for and tell the user's process; None where that is not to be.

    :return: the control socket.
    """
    poll = select.poll()
    poll.register(door, select.POLLIN)
    poll.register(wake, select.POLLIN)
    if wake in {descriptor for descriptor, _ in poll.poll()}:
        # The zygote is gone, or the user's process failed before it began.
        return None
    data, descriptors, _, _ = socket.recv_fds(door, REQUEST_BYTES, FORK_DESCRIPTORS)
    door.close()
    if not data:
        return None
    control = descriptors.pop(CONTROL_DESCRIPTOR)
    with inner:
        socket.send_fds(inner, [data], descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return socket.socket(fileno=control)


def _noted(number: int, frame: object) -> None:
    """Signals only wake the loop (`set_wakeup_fd` writes their number)."""


def _fork_user(preparation: Preparation, user_main: UserMain) -> int:
    user = os.fork()
    if user:
        return user
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        user_main(preparation)
    finally:
        os._exit(1)


def _wait(control: socket.socket, wake: int, user: int) -> int:
    """Obey the server until the user's process has ended; return its wait status."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if wake in ready and signal.SIGTERM in os.read(wake, 4096):
            return _end(user)
        ended = _reap(user)
        if ended is not None:
            return ended
        if control.fileno() in ready:
            order = control.recv(64)
            if order == INTERRUPT:
                _interrupt(user)
            elif order in (FINISH, b""):
                return _end(user)


def _reap(user: int) -> int | None:
    """Reap whoever has ended; the wait status of the user's process, if it was among them."""
    status = None
    while True:
        try:
            process, found = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if process == 0:
            return status
        if process == user:
            status = found


def _interrupt(user: int) -> None:
    try:
        os.killpg(user, signal.SIGINT)
    except ProcessLookupError:
        # Forked, but its process group is not made yet; nothing runs in it either.
        pass


def _end(user: int) -> int:
    processes.kill(user)
    return os.waitpid(user, 0)[1]


def _report(control: socket.socket, status: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = UserStatus(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
    try:
        control.send(report.pack())
    except (BrokenPipeError, ConnectionResetError):
        # The server is gone; there is nobody to tell.
        pass
