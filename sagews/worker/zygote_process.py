"""One zygote, as the worker server sees it: started when it is needed, asked to fork, waited for."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sagews.errors import SetupError, Unavailable
from sagews.messages.records import Limits
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.fork_requests import NONCE_BYTES, REPORT_BYTES, Report, ReportKind, Request, RequestKind
from sagews.worker.protection import Protection
from sagews.worker.session_process import SessionProcess
from sagews.worker.session_reading import Descriptors
from sagews.worker.session_user import SessionUser
from sagews.worker.stop_ladder import Patience
from sagews.worker.usage_watch import UsageWatch
from sagews.worker.zygote_starter import StartedZygote, ZygoteStarter

log = logging.getLogger(__name__)

PIPE_BYTES = 256 * 1024
"""Of a session's pipes. An unprivileged user may have 64 MiB of enlarged pipes (pipe(7), pipe-user-pages-soft)."""
LOG_LINES = 15
"""Of a zygote's log that an error tells."""


@dataclass(frozen=True)
class Around:
    """What all sessions of a worker have in common."""

    patience: Patience
    watch: UsageWatch


class ZygoteProcess:
    """The zygote of one environment; another one is started when it has died and a session is wanted."""

    def __init__(self, settings: EnvironmentSettings, data: Path, starter: ZygoteStarter) -> None:
        """:param data: folder for its log."""
        self.environment = settings.name
        self.log_path = data / "zygote.log"
        self.present = Protection(0)
        """What protects others from its sessions; known when it is warm."""
        self._promised = Protection(0)
        """What it has had so far: the worker serves because of it."""
        self._data = data
        self._settings = settings
        self._starter = starter
        self._starting = asyncio.Lock()
        self._socket: socket.socket | None = None
        self._process: StartedZygote | None = None
        self._warm: asyncio.Future[int] | None = None
        self._gone: asyncio.Task[None] | None = None
        self._sessions: dict[int, SessionProcess] = {}
        self._forked: dict[int, asyncio.Future[Report]] = {}
        self._resets: dict[int, asyncio.Future[bool | None]] = {}
        self._pidfds: dict[int, int] = {}
        """Of every init, by its process id."""

    @property
    def pid(self) -> int:
        """Of the process; 0 where there is none."""
        return self._process.pid if self._process and self._socket else 0

    async def ready(self) -> None:
        """Return when it is warm, after starting it if it does not run.

        :raises SetupError: where it ended instead; with the last lines of its log. Unavailable where it was started
            anew and found less to protect its sessions with than before: it is stopped then, and the next try is new.
        """
        async with self._starting:
            if self._socket is None:
                await self._start()
        assert self._warm is not None
        await asyncio.shield(self._warm)
        lost = self._promised & ~self.present
        if lost:
            names = ", ".join(one.label for one in lost)
            log.error(
                "A zygote has lost protections; it is stopped",
                extra={"action": "protection_lost", "environment": self.environment, "protections": names},
            )
            await self.stop()
            raise Unavailable(f"Sessions of {self.environment} would be without {names} now.", mend="Try again.")
        self._promised = self.present

    async def fork(
        self, session: str, number: int, folder: Path, limits: Limits, around: Around, user: SessionUser | None = None
    ) -> SessionProcess:
        """See `Environments.fork`."""
        await self.ready()
        if self._socket is None:
            raise Unavailable(f"The zygote of {self.environment} has just died.")
        nonce = secrets.token_bytes(NONCE_BYTES)
        try:
            ours = self._ask(Request(RequestKind.FORK, number, nonce, limits, user), folder)
        except OSError as error:
            raise Unavailable(f"A session cannot be forked: {error.strerror}.") from error
        process = SessionProcess(session, number, nonce.hex(), ours, limits, around.watch, around.patience)
        forked: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        self._forked[number], self._sessions[number] = forked, process
        process.start()
        try:
            report = await forked
        except asyncio.CancelledError:
            process.kill("nobody waited for its start", "shutdown")
            await process.ended  # before that, nobody else may become its user
            raise
        if report.kind is ReportKind.FAILED:
            raise Unavailable(f"A session cannot be forked: {os.strerror(report.status)}.")
        process.pid = report.pid
        log.info("Session forked", extra={"action": "session_forked", "session": session, "pid": report.pid})
        return process

    async def reset(self, number: int, user: SessionUser) -> bool | None:
        """End and wipe what there is of a user outside of sessions; returns whether nothing is left.

        None: it does not run, or not any more, so that nobody can tell.

        :param number: unlike any session's.
        """
        if self._socket is None:
            return None
        done: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._resets[number] = done
        try:
            self._socket.send(Request(RequestKind.RESET, number, user=user).pack())
        except OSError:
            del self._resets[number]
            return None
        return await done

    async def stop(self) -> None:
        """End it and its sessions; return when nothing is left."""
        if self._socket is not None:
            for session in list(self._sessions.values()):
                session.kill("the worker was stopped", "worker")
            self._socket.shutdown(socket.SHUT_WR)
        if self._gone is not None:
            await self._gone

    # --- the process

    async def _start(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            with theirs, self.log_path.open("wb") as output:
                self._process = await self._starter.start(self._settings, theirs, output)
        except BaseException:
            ours.close()
            raise
        self._socket = ours
        self._warm = asyncio.get_running_loop().create_future()
        self._gone = asyncio.create_task(self._watch(self._process))
        asyncio.get_running_loop().add_reader(ours, self._read)

    async def _watch(self, process: StartedZygote) -> None:
        """Wait for its end; then for that of each of its sessions."""
        status = await process.wait()
        loop = asyncio.get_running_loop()
        assert self._socket is not None
        assert self._warm is not None
        self._read()
        loop.remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        log.info("Zygote ended", extra={"action": "zygote_ended", "environment": self.environment, "status": status})
        if not self._warm.done():
            self._warm.set_exception(self._failure(status))
        for forked in self._forked.values():
            if not forked.done():
                forked.set_exception(Unavailable(f"The zygote of {self.environment} died."))
        self._forked.clear()
        for number in tuple(self._resets):
            self._was_reset(number, clean=None)
        # Each init ends what is below it, and becomes our child, because we are a subreaper.
        await asyncio.gather(*(_reap(pidfd) for pidfd in self._pidfds.values()))
        self._pidfds.clear()
        for session in self._sessions.values():
            session.finish(0, f"its zygote ({self.environment}) died")
        self._sessions.clear()

    def _failure(self, status: int) -> SetupError:
        lines = self.log_path.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return SetupError(f"The zygote of {self.environment} ended with status {status}:\n" + "\n".join(lines))

    # --- what is said

    def _ask(self, request: Request, folder: Path) -> Descriptors:
        """Ask for a session; returns our ends of what connects us with it.

        :raises OSError: where the folder, a descriptor or the zygote is not to be had.
        """
        assert self._socket is not None
        with ExitStack() as kept, ExitStack() as handed:
            directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            handed.callback(os.close, directory)
            ours, theirs = _connect(kept, handed)
            socket.send_fds(self._socket, [request.pack()], [*theirs, directory])
            kept.pop_all()
        return ours

    def _read(self) -> None:
        """Take all reports that are there."""
        while self._socket is not None:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, REPORT_BYTES + 1, 1)
            except (BlockingIOError, ConnectionResetError):
                return
            if not data:
                asyncio.get_running_loop().remove_reader(self._socket)
                return
            self._take(Report.unpack(data), descriptors)

    def _take(self, report: Report, descriptors: list[int]) -> None:
        if report.kind is ReportKind.READY:
            assert self._warm is not None
            self.present = Protection(report.status)
            self._warm.set_result(report.pid)
        elif report.kind is ReportKind.PREPARED:
            self._pidfds[report.pid] = descriptors[0]
        elif report.kind is ReportKind.ENDED:
            self._end(report)
        elif report.kind is ReportKind.RESET:
            self._was_reset(report.session, clean=report.status == 0)
        else:
            forked = self._forked.pop(report.session)
            if not forked.done():
                forked.set_result(report)
            if report.kind is ReportKind.FAILED:
                self._sessions.pop(report.session).finish(0, "it could not be forked")

    def _was_reset(self, number: int, *, clean: bool | None) -> None:
        done = self._resets.pop(number)
        if not done.done():  # nobody waits any more
            done.set_result(clean)

    def _end(self, report: Report) -> None:
        os.close(self._pidfds.pop(report.pid))
        if report.session:
            self._sessions.pop(report.session).finish(report.status, out_of_memory=report.out_of_memory)
        else:
            log.error(
                "A spare session failed; the zygote's log says why",
                extra={"action": "spare_failed", "environment": self.environment, "log": str(self.log_path)},
            )


async def _reap(pidfd: int) -> None:
    """Wait for the end of a process and reap it, if it became our child when its zygote died."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)  # noqa: ASYNC222 (it has ended)
    except ChildProcessError:
        # The zygote reaped it itself, before it died.
        pass
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


def _connect(kept: ExitStack, handed: ExitStack) -> tuple[Descriptors, list[int]]:
    """Both ends of what connects the server with a session: ours, and descriptors of theirs.

    :param kept: closes ours.
    :param handed: closes theirs.
    """
    messages = _socket_pair(socket.SOCK_STREAM, kept, handed)
    control = _socket_pair(socket.SOCK_SEQPACKET, kept, handed)
    stdout, stderr = _pipe(kept, handed), _pipe(kept, handed)
    ours = Descriptors(messages[0], control[0], stdout[0], stderr[0])
    return ours, [messages[1].fileno(), control[1].fileno(), stdout[1], stderr[1]]


def _socket_pair(kind: socket.SocketKind, kept: ExitStack, handed: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    kept.enter_context(ours)
    handed.enter_context(theirs)
    ours.setblocking(False)
    return ours, theirs


def _pipe(kept: ExitStack, handed: ExitStack) -> tuple[int, int]:
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    kept.callback(os.close, ours)
    handed.callback(os.close, theirs)
    os.set_blocking(ours, False)
    try:
        fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except PermissionError:
        # This user has too many large pipes; a small one is slower, nothing else.
        pass
    return ours, theirs
