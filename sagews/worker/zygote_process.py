"""One zygote, as the worker server sees it: started when it is needed, asked to fork, waited for."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from sagews.errors import SetupError, Unavailable
from sagews.messages.records import Limits
from sagews.worker.fork_requests import NONCE_BYTES, REPORT_BYTES, Report, ReportKind, Request, RequestKind
from sagews.worker.memory_watch import MemoryWatch
from sagews.worker.session_process import Descriptors, Patience, SessionProcess

log = logging.getLogger(__name__)

PIPE_BYTES = 256 * 1024
"""Of a session's pipes. An unprivileged user may have 64 MiB of enlarged pipes (pipe(7), pipe-user-pages-soft)."""
LOG_LINES = 15
"""Of a zygote's log that an error tells."""


@dataclass(frozen=True)
class Around:
    """What all sessions of a worker have in common."""

    patience: Patience
    memory: MemoryWatch


class ZygoteProcess:
    """The zygote of one environment; another one is started when it has died and a session is wanted."""

    def __init__(
        self, environment: str, preload: tuple[str, ...], data: Path, python: str = "", spares: int = 0
    ) -> None:
        """
        :param spares: sessions to keep prepared.
        :param data: folder of its own: log, home, temporary files.
        :param python: the Python that runs it; "" = ours.
        """
        self.environment = environment
        self.log_path = data / "zygote.log"
        self._data = data
        self._preload = preload
        self._spares = spares
        self._python = python or sys.executable
        self._starting = asyncio.Lock()
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._warm: asyncio.Future[int] | None = None
        self._gone: asyncio.Task[None] | None = None
        self._sessions: dict[int, SessionProcess] = {}
        self._forked: dict[int, asyncio.Future[Report]] = {}
        self._pidfds: dict[int, int] = {}
        """Of every init, by its process id."""

    @property
    def pid(self) -> int:
        """Of the process; 0 where there is none."""
        return self._process.pid if self._process and self._socket else 0

    async def ready(self) -> None:
        """Return when it is warm, after starting it if it does not run.

        :raises SetupError: where it ended instead; with the last lines of its log.
        """
        async with self._starting:
            if self._socket is None:
                await self._start()
        assert self._warm is not None
        await asyncio.shield(self._warm)

    async def fork(self, session: str, number: int, folder: Path, limits: Limits, around: Around) -> SessionProcess:
        """See `Environments.fork`."""
        await self.ready()
        if self._socket is None:
            raise Unavailable(f"The zygote of {self.environment} has just died.")
        nonce = secrets.token_bytes(NONCE_BYTES)
        ours, theirs = _connect()
        process = SessionProcess(session, number, nonce.hex(), ours, limits, around.memory, around.patience)
        forked: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        self._forked[number], self._sessions[number] = forked, process
        process.start()
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._request(Request(RequestKind.FORK, number, nonce, limits), [*theirs, directory])
        finally:
            for descriptor in (*theirs, directory):
                os.close(descriptor)
        try:
            report = await forked
        except asyncio.CancelledError:
            process.kill("nobody waited for its start", "shutdown")
            raise
        if report.kind is ReportKind.FAILED:
            raise Unavailable(f"A session cannot be forked: {os.strerror(report.status)}.")
        process.pid = report.pid
        log.info("Session forked", extra={"action": "session_forked", "session": session, "pid": report.pid})
        return process

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
        for folder in (self._data, self._data / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs, self.log_path.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._variables(),
                cwd=self._data / "home",
                pass_fds=[theirs.fileno()],
            )
        self._socket = ours
        self._warm = asyncio.get_running_loop().create_future()
        self._gone = asyncio.create_task(self._watch(self._process))
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _command(self, descriptor: int) -> list[str]:
        return [
            self._python,
            "-m",
            "sagews.worker.zygote",
            f"--environment={self.environment}",
            f"--preload={','.join(self._preload)}",
            f"--socket-fd={descriptor}",
            f"--data={self._data}",
            f"--spares={self._spares}",
            f"--parent={os.getpid()}",
        ]

    def _variables(self) -> dict[str, str]:
        """A clean environment: nothing of the worker's own."""
        home = self._data / "home"
        bin_folder = str(Path(self._python).parent)
        return {
            "PATH": os.pathsep.join([bin_folder, "/usr/local/bin", "/usr/bin", "/bin"]),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOME": str(home),
            "DOT_SAGE": str(home / ".sage"),
            "IPYTHONDIR": str(home / ".ipython"),
            "MPLCONFIGDIR": str(home / ".matplotlib"),
            "MPLBACKEND": "agg",
            "OPENBLAS_NUM_THREADS": "1",
            "CYSIGNALS_CRASH_QUIET": "1",
            "GC_MARKERS": "1",
            "PYTHONUTF8": "1",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
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

    def _request(self, request: Request, descriptors: list[int]) -> None:
        assert self._socket is not None
        socket.send_fds(self._socket, [request.pack()], descriptors)

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
            self._warm.set_result(report.pid)
        elif report.kind is ReportKind.PREPARED:
            self._pidfds[report.pid] = descriptors[0]
        elif report.kind is ReportKind.ENDED:
            self._end(report)
        else:
            forked = self._forked.pop(report.session)
            if not forked.done():
                forked.set_result(report)
            if report.kind is ReportKind.FAILED:
                self._sessions.pop(report.session).finish(0, "it could not be forked")

    def _end(self, report: Report) -> None:
        os.close(self._pidfds.pop(report.pid))
        if report.session:
            self._sessions.pop(report.session).finish(report.status)
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


def _connect() -> tuple[Descriptors, list[int]]:
    """Both ends of what connects the server with a session: ours, and descriptors of theirs."""
    messages, their_messages = socket.socketpair()
    control, their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    messages.setblocking(False)
    control.setblocking(False)
    pipes = [os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)]
    for pipe, _ in pipes:
        os.set_blocking(pipe, False)
        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except PermissionError:
            # This user has too many large pipes; a small one is slower, nothing else.
            pass
    ours = Descriptors(messages, control, pipes[0][0], pipes[1][0])
    return ours, [their_messages.detach(), their_control.detach(), pipes[0][1], pipes[1][1]]
