"""The launcher of a worker in a site: ``python -m sagews.worker.launcher --config FILE --instance N``, as root.

It starts the worker server as its own Unix user, and the zygotes, which need root's rights to give each open workspace
a user, when the server asks for them. Invariant: it holds no key, reads nothing but numbers from the server, and when
it or the server ends, all of them do.
"""

from __future__ import annotations

import argparse
import os
import pwd
import select
import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sagews.configuration import Configuration, load
from sagews.errors import SagewsError, SetupError
from sagews.worker import processes, zygote_command
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.launcher_messages import ORDER_BYTES, ORDER_DESCRIPTORS, News, NewsKind, Order
from sagews.worker.wishes import confinement_of, environments_of

HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class Launcher:
    """The loop."""

    def __init__(
        self,
        environments: tuple[EnvironmentSettings, ...],
        confinement: ConfinementSettings,
        data: Path,
        server: subprocess.Popen[bytes],
        connection: socket.socket,
    ) -> None:
        """
        :param data: folder of the zygotes' folders; root's own.
        :param connection: to the server.
        """
        self._environments = environments
        self._confinement = confinement
        self._data = data
        self._server = server
        self._connection = connection
        self._zygotes: dict[int, int] = {}
        """Places of environments by process id."""
        self._wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        for number in (*HANDED_ON, signal.SIGCHLD):
            signal.signal(number, _noted)

    def run(self) -> int:
        """Serve until the server has ended; returns its exit status."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(self._connection, select.POLLIN)
        status: int | None = None
        while status is None:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wake in ready:
                for number in set(os.read(self._wake, 4096)) - {signal.SIGCHLD}:
                    self._server.send_signal(number)
            if self._connection.fileno() in ready and not self._obey():
                poll.unregister(self._connection)
            status = self._reap()
        self._end_zygotes()
        return status

    def _obey(self) -> bool:
        """Start what the server asks for; False where it asks for nothing any more."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._connection, ORDER_BYTES + 1, ORDER_DESCRIPTORS)
        except ConnectionResetError:
            return False
        if not data:
            return False
        try:
            place = Order.unpack(data).environment
            try:
                self._start(place, *descriptors)
            except OSError as error:
                self._tell(News(NewsKind.FAILED, place, status=error.errno or 0))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _start(self, place: int, connection: int, log: int) -> None:
        settings = self._environments[place]
        data = self._data / settings.name
        home = zygote_command.make_folders(data)
        zygote = subprocess.Popen(
            zygote_command.command(settings, data, connection, os.getpid(), self._confinement),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=zygote_command.variables(settings, data),
            cwd=home,
            pass_fds=[connection],
        )
        zygote.returncode = 0  # `_reap` waits for it, not `subprocess`
        self._zygotes[zygote.pid] = place
        self._tell(News(NewsKind.STARTED, place, zygote.pid))

    def _reap(self) -> int | None:
        """Take the end of whatever has ended, a zygote's orphans too; the exit status of the server, if it has."""
        ended = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            code = os.waitstatus_to_exitcode(status)
            if pid == self._server.pid:
                self._server.returncode = code
                ended = code if code >= 0 else 128 - code
            place = self._zygotes.pop(pid, None)
            if place is not None:
                self._tell(News(NewsKind.ENDED, place, pid, code))

    def _end_zygotes(self) -> None:
        """Each ends by itself, and its sessions, now that the server's socket is closed; we wait for that."""
        self._connection.close()
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _tell(self, news: News) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the server is gone: its end is what comes next
            self._connection.send(news.pack())


def _noted(number: int, frame: object) -> None:
    """Signals only wake the loop (`set_wakeup_fd` writes their number)."""


def launch(configuration: Configuration, file: Path | None, number: int) -> int:
    """Be the launcher of worker `number`; returns the exit status.

    :raises SetupError: not root, the worker's user is not there, or sessions would have root's rights.
    """
    if os.geteuid() != 0:
        raise SetupError("The launcher has to be started as root.", mend="Start `python -m sagews.worker` instead.")
    if not (configuration.worker.confine and configuration.worker.users):
        raise SetupError(
            "Sessions would be root's: `worker.confine` is false, or `worker.users` is empty.",
            mend="Set both, or start the site as an ordinary user.",
        )
    user = _user(configuration)
    processes.become_subreaper()
    data = configuration.data_folder / f"worker.{number}.zygotes"
    data.mkdir(mode=0o755, exist_ok=True)
    for folder in (configuration.data_folder.resolve(), data):
        check_owner(folder)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            server = _start_server(user, file, number, theirs.fileno())
        confinement = confinement_of(configuration, user.pw_uid)
        return Launcher(environments_of(configuration), confinement, data, server, ours).run()


def check_owner(folder: Path) -> None:
    """See that nobody but root can put something into a folder from which root's programs read.

    :raises SetupError: somebody can, or it is a link.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SetupError(
            f"{folder} has to be a folder of root's in which nobody else can write.",
            mend=f"`chown root {folder}; chmod go-w {folder}`, or choose another data_folder.",
        )


def _start_server(user: pwd.struct_passwd, file: Path | None, number: int, descriptor: int) -> subprocess.Popen[bytes]:
    arguments = [f"--instance={number}", f"--launcher-fd={descriptor}", f"--launcher-pid={os.getpid()}"]
    if file is not None:
        arguments.append(f"--config={file}")
    return subprocess.Popen(
        [sys.executable, "-m", "sagews.worker", *arguments],
        pass_fds=[descriptor],
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=os.getgrouplist(user.pw_name, user.pw_gid),
    )


def _user(configuration: Configuration) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(configuration.worker.user)
    except KeyError as error:
        raise SetupError(
            f"There is no Unix user {configuration.worker.user!r} for the worker.",
            mend="`sagews init` makes the users of a site.",
        ) from error


def main(arguments: list[str] | None = None) -> int:
    """Launch until the server ends."""
    parser = argparse.ArgumentParser(prog="python -m sagews.worker.launcher", description="Start a worker as root.")
    parser.add_argument("--config", type=Path, help="the site's TOML file; default: all settings at their defaults")
    parser.add_argument("--instance", metavar="N", type=int, default=0, help="which worker of the site; default: 0")
    parsed = parser.parse_args(arguments)
    try:
        return launch(load(parsed.config, os.environ), parsed.config, parsed.instance)
    except SagewsError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
