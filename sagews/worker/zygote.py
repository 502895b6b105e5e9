"""A zygote: imports its environment once and forks sessions from it on request.

Run as ``python -m sagews.worker.zygote --environment sage --socket-fd N --data FOLDER``, by exec, with a clean
environment, before the worker reads any key. Invariant: one thread; while idle it blocks; it reads only records
of fixed size; every process below it is the init of a session that it knows, or is ended at once.
"""

from __future__ import annotations

import argparse
import gc
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

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
from sagews.worker.session_shell import SessionShell

REST_SECONDS = 0.02
"""After a request, before the next spare session is prepared: the session just begun needs the processor more."""


class Zygote:
    """The loop."""

    def __init__(self, server: socket.socket, temporary: str, shell: SessionShell, spares: int) -> None:
        """
        :param temporary: folder for the sessions' folders of temporary files.
        :param shell: the warm shell, which each session inherits.
        :param spares: sessions to keep prepared.
        """
        self.server = server
        self.temporary = temporary
        self.shell = shell
        self.spares = spares
        self._prepared: dict[int, socket.socket] = {}
        """The doors of spare sessions, by the process id of their init."""
        self._inits: dict[int, int] = {}
        """Session numbers by the process id of their init."""
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Serve until the server closes the socket; then end every session."""
        signal.signal(signal.SIGCHLD, _noted)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        while len(self._prepared) < self.spares:
            self._prepare()
        self._report(Report(ReportKind.READY, pid=os.getpid()))
        poll = select.poll()
        poll.register(self.server, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        open_still = True
        while open_still:
            wanting = len(self._prepared) < self.spares
            ready = {descriptor for descriptor, _ in poll.poll(REST_SECONDS * 1000 if wanting else None)}
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if self.server.fileno() in ready:
                open_still = self._serve()
            if not ready:
                self._prepare()
        self._end_sessions()

    def _serve(self) -> bool:
        """Obey one request; False where there will be none any more."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.server, REQUEST_BYTES + 1, FORK_DESCRIPTORS)
        except ConnectionResetError:
            return False
        if not data:
            return False
        try:
            request = Request.unpack(data)
            if request.kind is RequestKind.FORK:
                self._begin(request, descriptors)
            elif request.kind is RequestKind.KILL:
                self._kill(request.session)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _begin(self, request: Request, descriptors: list[int]) -> None:
        """Give the descriptors to a prepared session."""
        if len(descriptors) != FORK_DESCRIPTORS:
            raise ValueError(f"{len(descriptors)} descriptors came with a fork request.")
        try:
            if not self._prepared:
                self._prepare()
        except OSError as error:
            self._report(Report(ReportKind.FAILED, request.session, status=error.errno or 0))
            return
        pid, door = next(iter(self._prepared.items()))
        del self._prepared[pid]
        self._inits[pid] = request.session
        with door:
            try:
                socket.send_fds(door, [request.pack()], descriptors)
            except BrokenPipeError:
                # It has just died; that it ended is reported when it is reaped.
                pass
        self._report(Report(ReportKind.FORKED, request.session, pid=pid))

    def _prepare(self) -> None:
        """Fork a session that waits to be asked for.

        :raises OSError: where there cannot be one more process.
        """
        zygote = os.getpid()
        inside, outside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with inside:
            try:
                pid = os.fork()
            except OSError:
                outside.close()
                raise
            if pid == 0:
                session_init.run(session_init.Preparation(inside, self.temporary, zygote), self._user_main)
        self._prepared[pid] = outside
        pidfd = os.pidfd_open(pid)
        try:
            self._report(Report(ReportKind.PREPARED, pid=pid), pidfd)
        finally:
            os.close(pidfd)

    def _user_main(self, preparation: session_init.Preparation) -> NoReturn:
        session.run(preparation, self.shell)

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
            if pid in self._prepared:
                # Something is wrong with all of them: prepare none before the next request shows what.
                self._prepared.pop(pid).close()
                self._inits[pid] = 0
                self.spares = 0
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
            strangers = processes.descendants(os.getpid(), spared=frozenset(self._inits) | self._prepared.keys())
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
        inits = [*self._inits, *self._prepared]
        for pid in inits:
            processes.kill(pid, signal.SIGTERM)
        for pid in inits:
            os.waitpid(pid, 0)
        self._inits.clear()
        self._prepared.clear()
        self._end_strangers()

    def _report(self, report: Report, pidfd: int | None = None) -> None:
        try:
            socket.send_fds(self.server, [report.pack()], [] if pidfd is None else [pidfd])
        except (BrokenPipeError, ConnectionResetError):
            # The server is gone: the next read says so, and ends the loop.
            pass


def _noted(number: int, frame: object) -> None:
    """SIGCHLD only wakes the loop (`set_wakeup_fd`)."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sagews.worker.zygote", description=__doc__)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--preload", default="", help="modules to import, separated by commas")
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the zygote's own folder")
    parser.add_argument("--spares", type=int, default=0, help="sessions to keep prepared")
    parser.add_argument("--parent", type=int, required=True, help="process id of the worker server")
    return parser.parse_args()


def check_alone(expected: set[int]) -> None:
    """Check that nothing is here which sessions would share.

    :param expected: the descriptors that may be open.
    :raises SetupError: where this process has a second thread, which a fork would break, or another connection.
    """
    threads = list(Path("/proc/self/task").iterdir())
    if len(threads) != 1:
        raise SetupError(
            f"The environment started {len(threads) - 1} threads while it was imported; a zygote cannot fork then.",
            mend="Take the module that does so out of `preload`.",
        )
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) not in expected and path.is_socket():
            raise SetupError(
                "The environment opened a connection while it was imported; all its sessions would share it.",
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
    check_alone({0, 1, 2, arguments.socket_fd})
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()
    Zygote(socket.socket(fileno=arguments.socket_fd), str(temporary), shell, arguments.spares).run()


if __name__ == "__main__":
    main()
