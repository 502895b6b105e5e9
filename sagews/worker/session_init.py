"""The init of a session: parent of everything that the session ever starts.

Invariant: when this process ends, no descendant of the session lives. It ends them when the user's process
has ended, when the worker server closes the control socket or says so, and when the zygote dies. Where it is killed
itself, the kernel ends what was below it, or, where sessions have no namespaces, the zygote.
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

from sagews.worker import processes
from sagews.worker.confinement import Confinement
from sagews.worker.filesystem_view import TEMPORARY
from sagews.worker.fork_requests import (
    CONTROL_DESCRIPTOR,
    FINISH,
    FORK_DESCRIPTORS,
    GROUP_DESCRIPTORS,
    INTERRUPT,
    QUIT,
    REQUEST_BYTES,
    Request,
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
    """What this process ends with: for init, a pidfd of the zygote; for the user's process, the process id of init."""
    confinement: Confinement
    awaited: bool = False
    """Somebody waits for it: it does nothing that is not needed for their first answer."""


UserMain = Callable[[Preparation], NoReturn]


def run(preparation: Preparation, user_main: UserMain) -> NoReturn:
    """Be the init of one session. Called in a fresh fork of the zygote; never returns.

    :param user_main: what the user's process does, after it has been forked.
    """
    status = 1
    try:
        os.setsid()
        processes.become_subreaper()
        processes.keep_descriptors([preparation.door.fileno(), preparation.parent])
        preparation.confinement.enter()
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
    alone = preparation.confinement.is_first
    folder = TEMPORARY if alone else tempfile.mkdtemp(prefix="session-", dir=preparation.temporary)
    try:
        inner, outer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = Preparation(outer, folder, os.getpid(), preparation.confinement, preparation.awaited)
        outside = preparation.confinement.step_in()
        user = _fork_user(own, user_main)
        preparation.confinement.step_out(outside)
        outer.close()
        life = (wake, preparation.parent)
        control = _hand_in(preparation, inner, life, user)
        status = _wait(control, life, user) if control else _end(user)
    finally:
        if alone:
            processes.kill_all_others()
        else:
            processes.kill_descendants()
            shutil.rmtree(folder, ignore_errors=True)
    if control:
        _report(control, status)


def _hand_in(preparation: Preparation, inner: socket.socket, life: tuple[int, int], user: int) -> socket.socket | None:
    """Wait until the session is asked for and tell the user's process; None where that is not to be.

    :param life: see `_wait`.
    :return: the control socket.
    """
    door = preparation.door
    poll = select.poll()
    for descriptor in (door.fileno(), *life):
        poll.register(descriptor, select.POLLIN)
    if {descriptor for descriptor, _ in poll.poll()}.intersection(life):
        # The zygote is gone, or the user's process failed before it began.
        return None
    data, descriptors, _, _ = socket.recv_fds(door, REQUEST_BYTES, FORK_DESCRIPTORS + GROUP_DESCRIPTORS)
    door.close()
    if not data:
        return None
    descriptors, groups = descriptors[:FORK_DESCRIPTORS], descriptors[FORK_DESCRIPTORS:]
    control = descriptors.pop(CONTROL_DESCRIPTOR)
    _join(groups, user)
    if preparation.confinement.is_first:
        folder = descriptors.pop()
        preparation.confinement.take_in(folder, Request.unpack(data).user, descriptors[-2:])
        os.close(folder)
    with inner:
        socket.send_fds(inner, [data], descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return socket.socket(fileno=control)


def _join(groups: list[int], user: int) -> None:
    """Let the user's process, and all that it will start, count in these control groups."""
    for group in groups:
        os.write(group, str(user).encode())
        os.close(group)


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


def _wait(control: socket.socket, life: tuple[int, int], user: int) -> int:
    """Obey the server until the user's process has ended; return its wait status.

    :param life: a pipe of signals, and a pidfd of the zygote.
    """
    wake, zygote = life
    poll = select.poll()
    for watched in (control.fileno(), *life):
        poll.register(watched, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if zygote in ready or (wake in ready and signal.SIGTERM in os.read(wake, 4096)):
            return _end(user)
        ended = _reap(user)
        if ended is not None:
            return ended
        if control.fileno() in ready:
            order = control.recv(64)
            if order == INTERRUPT:
                _signal(user, signal.SIGINT)
            elif order == QUIT:
                _signal(user, signal.SIGQUIT)
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


def _signal(user: int, number: signal.Signals) -> None:
    try:
        os.killpg(user, number)
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
