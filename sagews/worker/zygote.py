"""A zygote: imports its environment once and forks sessions from it on request.

Run as ``python -m sagews.worker.zygote --environment sage --socket-fd N --data FOLDER``, by exec, with a clean
environment, before the worker reads any key. Invariant: one thread; while idle it blocks; it reads only records
of fixed size; every process below it is the init of a session that it knows, or is ended at once.
"""

from __future__ import annotations

import argparse
import array
import gc
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from sagews.errors import SetupError
from sagews.worker import environment_preload, processes, session, session_init
from sagews.worker.fork_requests import (
    FORK_DESCRIPTORS,
    REQUEST_BYTES,
    Report,
    ReportKind,
    Request,
    RequestKind,
)


class Zygote:
    """The loop. `shell` is the warm IPython shell, which each session inherits."""

    def __init__(self, server: socket.socket, temporary: str, shell: Any) -> None:
        """:param temporary: folder for the sessions' folders of temporary files."""
        self.server = server
        self.temporary = temporary
        self.shell = shell
        self._inits: dict[int, int] = {}
        """Session numbers by the process id of their init."""
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Serve until the server closes the socket; then end every session."""
        signal.signal(signal.SIGCHLD, _noted)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        self._report(Report(ReportKind.READY, pid=os.getpid()))
        poll = select.poll()
        poll.register(self.server, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        open_still = True
        while open_still:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if self.server.fileno() in ready:
                open_still = self._serve()
        self._end_sessions()

    def _serve(self) -> bool:
        """Obey one request; False where there will be none any more."""
        try:
            data, ancillary, _, _ = self.server.recvmsg(
                REQUEST_BYTES + 1, socket.CMSG_SPACE(FORK_DESCRIPTORS * array.array("i").itemsize)
            )
        except ConnectionResetError:
            return False
        if not data:
            return False
        descriptors = _descriptors(ancillary)
        try:
            request = Request.unpack(data)
            if request.kind is RequestKind.FORK:
                self._fork(request, descriptors)
            elif request.kind is RequestKind.KILL:
                self._kill(request.session)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, request: Request, descriptors: list[int]) -> None:
        if len(descriptors) != FORK_DESCRIPTORS:
            raise ValueError(f"{len(descriptors)} descriptors came with a fork request.")
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._report(Report(ReportKind.FAILED, request.session, status=error.errno or 0))
            return
        if pid == 0:
            birth = session_init.Birth(*descriptors, request.nonce, request.limits)
            session_init.run(birth, zygote, self.temporary, self._user_main)
        self._inits[pid] = request.session
        pidfd = os.pidfd_open(pid)
        try:
            self._report(Report(ReportKind.FORKED, request.session, pid=pid), pidfd)
        finally:
            os.close(pidfd)

    def _user_main(self, birth: session_init.Birth) -> Any:
        session.run(birth, self.shell)

    def _kill(self, number: int) -> None:
        for pid, session_number in self._inits.items():
            if session_number == number:
                processes.kill(pid)

    def _reap(self) -> None:
        """Reap what has ended, and end what an init left behind that was killed."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._inits.pop(pid, None)
            if number is None:
                continue
            if status != 0:
                self._end_strangers()
            cpu_seconds = usage.ru_utime + usage.ru_stime
            self._report(Report(ReportKind.ENDED, number, pid, status, cpu_seconds, usage.ru_maxrss * 1024))

    def _end_strangers(self) -> None:
        """End and reap every descendant that no living init is responsible for."""
        while True:
            strangers = processes.descendants(os.getpid(), spared=frozenset(self._inits))
            if not strangers:
                return
            for process in strangers:
                processes.kill(process)
            for process in strangers:
                try:
                    os.waitpid(process, 0)
                except ChildProcessError:
                    # Not our own child: its parent is among the strangers, and the next look finds it with us.
                    pass

    def _end_sessions(self) -> None:
        """Let each init end its session, and wait for it (its control socket is closed by now)."""
        for pid in self._inits:
            processes.kill(pid, signal.SIGTERM)
        for pid in self._inits:
            os.waitpid(pid, 0)
        self._inits.clear()
        self._end_strangers()

    def _report(self, report: Report, pidfd: int | None = None) -> None:
        ancillary = []
        if pidfd is not None:
            ancillary.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd])))
        try:
            self.server.sendmsg([report.pack()], ancillary)
        except (BrokenPipeError, ConnectionResetError):
            # The server is gone: the next read says so, and ends the loop.
            pass


def _noted(number: int, frame: object) -> None:
    """SIGCHLD only wakes the loop (`set_wakeup_fd`)."""


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sagews.worker.zygote", description=__doc__)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--preload", default="", help="modules to import, separated by commas")
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the zygote's own folder")
    parser.add_argument("--parent", type=int, required=True, help="process id of the worker server")
    return parser.parse_args()


def check_alone() -> None:
    """:raises SetupError: where this process has a second thread, which a fork would break."""
    threads = os.listdir("/proc/self/task")
    if len(threads) != 1:
        raise SetupError(
            f"The environment started {len(threads) - 1} threads while it was imported; a zygote cannot fork then.",
            mend="Take the module that does so out of `preload`.",
        )


def main() -> None:
    """Preload, freeze, serve."""
    arguments = _arguments()
    processes.die_with_parent(signal.SIGKILL, arguments.parent)
    processes.become_subreaper()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    temporary = arguments.data / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    shell = environment_preload.preload(arguments.environment, [name for name in arguments.preload.split(",") if name])
    check_alone()
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()
    Zygote(socket.socket(fileno=arguments.socket_fd), str(temporary), shell).run()


if __name__ == "__main__":
    main()
