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

from sagews.messages.records import Limits
from sagews.worker import confinement, processes
from sagews.worker.fork_requests import FINISH, FORK_DESCRIPTORS, INTERRUPT, UserStatus


@dataclass(frozen=True)
class Birth:
    """What a session is born with; the descriptors are open in the process that reads this."""

    messages: int
    control: int
    stdout: int
    stderr: int
    folder: int
    nonce: bytes
    limits: Limits
    temporary: str = ""
    """The session's own folder for temporary files."""
    parent: int = 0
    """Process id of init."""

    @property
    def descriptors(self) -> list[int]:
        """All `FORK_DESCRIPTORS` of them."""
        return [self.messages, self.control, self.stdout, self.stderr, self.folder]


UserMain = Callable[[Birth], NoReturn]


def run(birth: Birth, zygote: int, temporary: str, user_main: UserMain) -> NoReturn:
    """Be the init of one session. Called in a fresh fork of the zygote; never returns.

    :param zygote: process id of the parent.
    :param temporary: folder in which the session gets a folder of its own.
    :param user_main: what the user's process does, after it has been forked.
    """
    status = 1
    try:
        assert len(birth.descriptors) == FORK_DESCRIPTORS
        os.setsid()
        processes.become_subreaper()
        confinement.keep_descriptors(birth.descriptors)
        status = _supervise(birth, zygote, temporary, user_main)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _supervise(birth: Birth, zygote: int, temporary: str, user_main: UserMain) -> int:
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _noted)
    signal.signal(signal.SIGTERM, _noted)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.die_with_parent(signal.SIGTERM, zygote)
    folder = tempfile.mkdtemp(prefix="session-", dir=temporary)
    try:
        user = _fork_user(birth, folder, user_main)
        for descriptor in (birth.messages, birth.stdout, birth.stderr, birth.folder):
            os.close(descriptor)
        control = socket.socket(fileno=birth.control)
        status = _wait(control, wake, user)
    finally:
        processes.kill_descendants()
        shutil.rmtree(folder, ignore_errors=True)
    _report(control, status)
    return 0


def _noted(number: int, frame: object) -> None:
    """Signals only wake the loop (`set_wakeup_fd` writes their number)."""


def _fork_user(birth: Birth, folder: str, user_main: UserMain) -> int:
    me = os.getpid()
    user = os.fork()
    if user:
        return user
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        user_main(
            Birth(
                birth.messages, birth.control, birth.stdout, birth.stderr, birth.folder,
                birth.nonce, birth.limits, folder, me,
            )
        )  # fmt: skip
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
