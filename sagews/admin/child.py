"""Child: one program of a solo site, kept alive by `sagews run`.

Invariants: a child that dies is started again, at once the first time and then after a wait that grows; children
get SIGTERM when `sagews run` itself dies, however it does; what a child prints goes to its log file.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = "libc.so.6"
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 10.0
HEALTHY_SECONDS = 30.0
"""One that lived so long is started again without a wait."""
LOG_BYTES = 16 * 1024 * 1024
"""A log larger than this is set aside (one generation) when its child starts."""


class Child:
    """One child. `keep()` runs it until `stop()`."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        log: Path,
        say: Callable[[str], None],
        descriptors: tuple[int, ...] = (),
    ) -> None:
        """
        :param module: what `python -m` runs.
        :param say: gets one sentence for people when it dies.
        :param descriptors: that it inherits, under the same numbers.
        """
        self.name = name
        self.log = log
        self.deaths = 0
        self._command = (sys.executable, "-m", module, *arguments)
        self._environ = dict(environ)
        self._say = say
        self._descriptors = descriptors
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Of the process that runs now; 0 = none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def keep(self) -> None:
        """Run it, and again when it dies, until `stop`."""
        wait = FIRST_WAIT_SECONDS
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            async with self._starting:
                if self._stopping.is_set():
                    return
                self._process = await self._start()
            status = await self._process.wait()
            if self._stopping.is_set():
                return
            self.deaths += 1
            wait = (
                FIRST_WAIT_SECONDS if loop.time() - started > HEALTHY_SECONDS else min(2 * wait, LONGEST_WAIT_SECONDS)
            )
            self._say(f"The {self.name} {_how(status)}; starting it again. Its log: {self.log}")
            await self._stopped_within(wait)

    async def stop(self, patience_seconds: float) -> None:
        """Ask it to end (SIGTERM), and end it if it does not in time."""
        self._stopping.set()
        async with self._starting:  # one that is being started is there only after that
            process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(patience_seconds):
                await process.wait()
        except TimeoutError:
            self._say(f"The {self.name} did not end within {patience_seconds:g} s and was killed. Its log: {self.log}")
            process.kill()
            await process.wait()

    def last_lines(self, count: int = 8) -> str:
        """The end of its log."""
        with self.log.open(errors="replace") as file:
            return "".join(deque(file, count)).rstrip()

    async def _start(self) -> Process:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                pass_fds=self._descriptors,
                start_new_session=True,  # a Ctrl-C on the terminal is for `sagews run` alone
                preexec_fn=_end_with(os.getpid()),
            )

    async def _stopped_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _end_with(parent: int) -> Callable[[], None]:
    """What a child does before its program starts: ask the kernel for SIGTERM when its parent dies (prctl(2))."""
    prctl = ctypes.CDLL(LIBC).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGTERM)

    return ask


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
