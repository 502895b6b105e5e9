"""A zygote: imports its environment once and forks sessions from it on request.

Run as ``python -m sagews.worker.zygote --environment sage --socket-fd N --data FOLDER``, by exec, with a clean
environment, before the worker reads any key. Invariant: one thread; while idle it blocks; it reads only records
of fixed size; every process below it is the init of a session that it knows, or is ended at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from sagews.errors import SetupError
from sagews.worker import (
    confinement_trial,
    environment_preload,
    fork_memory,
    fork_safety,
    processes,
    session,
    session_init,
    user_reset,
)
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.confinement_trial import Outcome
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

    def __init__(
        self, server: socket.socket, temporary: str, shell: SessionShell, spares: int, outcome: Outcome
    ) -> None:
        """
        :param temporary: folder for the sessions' folders of temporary files.
        :param shell: the warm shell, which each session inherits.
        :param spares: sessions to keep prepared.
        :param outcome: how they are confined.
        """
        self.server = server
        self.temporary = temporary
        self.shell = shell
        self.spares = spares
        self.confinement, self.groups, self.present = outcome.confinement, outcome.groups, outcome.present
        self._life = os.pidfd_open(os.getpid())
        """By which inits see that this process has ended."""
        self._prepared: dict[int, socket.socket] = {}
        """The doors of spare sessions, by the process id of their init."""
        self._inits: dict[int, int] = {}
        """Session numbers by the process id of their init."""
        self._spoiled = False
        """A spare failed; there is no other before the next request."""
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Serve until the server closes the socket; then end every session."""
        signal.signal(signal.SIGCHLD, _noted)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        while len(self._prepared) < self.spares:
            self._prepare()  # where this cannot be done, nothing can
        self._report(Report(ReportKind.READY, pid=os.getpid(), status=self.present))
        poll = select.poll()
        poll.register(self.server, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        open_still = True
        while open_still:
            wanting = len(self._prepared) < self.spares and not self._spoiled
            ready = {descriptor for descriptor, _ in poll.poll(REST_SECONDS * 1000 if wanting else None)}
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if self.server.fileno() in ready:
                open_still = self._serve()
            if not ready:
                self._prepare_spare()
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
            else:
                self._reset(request)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _begin(self, request: Request, descriptors: list[int]) -> None:
        """Give the descriptors to a prepared session."""
        try:
            if len(descriptors) != FORK_DESCRIPTORS:
                raise OSError(errno.EMFILE, "there is no room for the descriptors of a session")
            self.confinement.check(request.user)
            if not self._prepared:
                self._prepare(awaited=True)
            if self.groups:
                descriptors += self.groups.make(request.session, request.limits)
        except OSError as error:
            self._report(Report(ReportKind.FAILED, request.session, status=error.errno or 0))
            return
        self._spoiled = False
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

    def _prepare_spare(self) -> None:
        """Fork one ahead; where that cannot be done now, the next request tries again."""
        try:
            self._prepare()
        except OSError as error:
            self._spoiled = True
            sys.stderr.write(f"No spare session can be prepared now: {error.strerror}\n")
            sys.stderr.flush()

    def _prepare(self, *, awaited: bool = False) -> None:
        """Fork a session that waits to be asked for.

        :param awaited: it is asked for already.
        :raises OSError: where there cannot be one more process.
        """
        inside, outside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with inside:
            try:
                # A pidfd needs a descriptor too: where there is none, fail before the fork.
                os.close(os.dup(inside.fileno()))
                pid = self.confinement.fork()
            except OSError:
                outside.close()
                raise
            if pid == 0:
                kept = session_init.Preparation(inside, self.temporary, self._life, self.confinement, awaited)
                session_init.run(kept, self._user_main)
        self._prepared[pid] = outside
        pidfd = os.pidfd_open(pid)
        try:
            self._report(Report(ReportKind.PREPARED, pid=pid), pidfd)
        finally:
            os.close(pidfd)

    def _user_main(self, preparation: session_init.Preparation) -> NoReturn:
        session.run(preparation, self.shell)

    def _reset(self, request: Request) -> None:
        """Nothing of the user is left when this returns, or the report says so."""
        clean = request.user in self.confinement.users and not user_reset.reset({request.user.uid})
        self._report(Report(ReportKind.RESET, request.session, status=0 if clean else errno.EBUSY))

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
                # Something may be wrong with all of them: prepare none before the next request shows what.
                self._prepared.pop(pid).close()
                self._inits[pid] = 0
                self._spoiled = True
            number = self._inits.pop(pid, None)
            if number is None:
                continue
            if status != 0:
                self._end_strangers()
            cpu_seconds = usage.ru_utime + usage.ru_stime
            peak = usage.ru_maxrss * 1024
            self._report(Report(ReportKind.ENDED, number, pid, status, cpu_seconds, peak, self._end_groups(number)))

    def _end_groups(self, number: int) -> bool:
        """Remove the control groups of a session that is over; whether it ran out of memory."""
        if self.groups is None or not number:
            return False
        killed = self.groups.ran_out_of_memory(number)
        self.groups.remove(number)
        return killed

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
        """Let each init end its session, and wait for it (its control socket is closed by now).

        A spare that has only just been forked does not listen to signals yet: it finds its door closed.
        """
        inits = [*self._inits, *self._prepared]
        for door in self._prepared.values():
            door.close()
        for pid in inits:
            processes.kill(pid, signal.SIGTERM)
        for pid in inits:
            os.waitpid(pid, 0)
            self._end_groups(self._inits.get(pid, 0))
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
    parser.add_argument("--kind", choices=("sage", "python", "bare"), required=True)
    parser.add_argument("--preload", default="", help="modules to import, separated by commas")
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the zygote's own folder")
    parser.add_argument("--spares", type=int, default=0, help="sessions to keep prepared")
    parser.add_argument("--parent", type=int, required=True, help="process id of who has started it")
    ConfinementSettings.add_arguments(parser)
    return parser.parse_args()


def _refuse_to_be_root(outcome: Outcome, owner: int) -> None:
    """A worker that is an ordinary user has sessions that are users of their own, or none at all.

    :param owner: user id of the worker.
    :raises SetupError: its sessions would be root, who can write in /proc/sys without any capability.
    """
    if outcome.confinement.as_root and owner != 0 and not outcome.confinement.users:
        raise SetupError(
            "Sessions cannot have Unix users of their own here, and would be root.",
            mend="`sagews check worker` says what is missing; or start the site as an ordinary user.",
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
    if arguments.confined:
        os.umask(0o022)  # sessions may be other users, and see folders and caches that are made from now on
    outcome = confinement_trial.try_out(ConfinementSettings.from_arguments(arguments), arguments.data)
    _refuse_to_be_root(outcome, arguments.owner)
    outcome.confinement.prepare()
    modules = [name for name in arguments.preload.split(",") if name]
    shell = environment_preload.preload(arguments.environment, arguments.kind, modules)
    fork_safety.check_alone({0, 1, 2, arguments.socket_fd})
    sys.stdout.flush()
    sys.stderr.flush()
    kept = fork_memory.prepare()  # until there are no forks any more
    server = socket.socket(fileno=arguments.socket_fd)
    Zygote(server, str(temporary), shell, arguments.spares, outcome).run()
    del kept


if __name__ == "__main__":
    main()
