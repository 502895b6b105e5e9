"""Git: runs git on one bare repository so that nothing in it, and nobody's settings, can act.

Invariant: git has a clean environment and no work tree; it opens no path that a user controls (contents come and go
through pipes) and runs no hook, filter, file-system monitor, helper or transport.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sagews.errors import SetupError, Unavailable

SECONDS = 300.0
"""That one run of git may take."""

_ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}
"""See git(1), "ENVIRONMENT VARIABLES"."""

_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    f"core.excludesFile={os.devnull}",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.logAllRefUpdates=false",
    "core.bigFileThreshold=16m",
    "core.packedGitLimit=256m",
    "pack.threads=1",
    "pack.windowMemory=64m",
    "protocol.allow=never",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
"""See git-config(1). The sizes bound the memory of one run."""


class Git:
    """One repository."""

    def __init__(self, folder: Path) -> None:
        """:param folder: of the bare repository; nobody but we can write there."""
        self.folder = folder

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        """Run one command with `data` as its input; returns what it wrote.

        :raises Unavailable: it failed, or took too long; SetupError: there is no git here.
        """
        try:
            done = subprocess.run(
                self._command(arguments),
                input=data,
                capture_output=True,
                timeout=SECONDS,
                check=False,
                env=_ENVIRONMENT,
            )
        except FileNotFoundError as error:
            raise _no_git() from error
        except subprocess.TimeoutExpired as error:
            raise _slow(arguments[0]) from error
        if done.returncode:
            raise _failed(arguments[0], done.stderr)
        return done.stdout

    def text(self, *arguments: str) -> str:
        """The same as text, without white space around it."""
        return self.run(*arguments).decode("utf-8", "replace").strip()

    def succeeds(self, *arguments: str) -> bool:
        """Whether a command that asks a question says yes."""
        try:
            self.run(*arguments)
        except Unavailable:
            return False
        return True

    @contextmanager
    def writing(self, *arguments: str) -> Iterator[IO[bytes]]:
        """Run one command, whose input is written in the block.

        :raises Unavailable: it failed, or took too long.
        """
        with self._started(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            assert process.stdin is not None
            try:
                yield process.stdin
                process.stdin.close()
            except BrokenPipeError:
                process.wait()  # why it ended is told by who waits for it

    @contextmanager
    def reading(self, *arguments: str, data: bytes = b"") -> Iterator[IO[bytes]]:
        """Run one command with `data` as its input, whose output is read in the block; the rest is thrown away.

        :raises Unavailable: it failed, or took too long.
        """
        with tempfile.TemporaryFile() as given:
            given.write(data)
            given.seek(0)
            with self._started(arguments, stdin=given.fileno(), stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                yield process.stdout

    @contextmanager
    def _started(self, arguments: tuple[str, ...], *, stdin: int, stdout: int) -> Iterator[subprocess.Popen[bytes]]:
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    self._command(arguments),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=said,
                    env=_ENVIRONMENT,
                )
            except FileNotFoundError as error:
                raise _no_git() from error
            late = threading.Event()

            def give_up() -> None:
                late.set()
                process.kill()

            clock = threading.Timer(SECONDS, give_up)
            clock.start()
            try:
                yield process
            except BaseException:
                process.kill()
                raise
            finally:
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None and not pipe.closed:
                        _close(pipe)
                status = process.wait()
                clock.cancel()
            if late.is_set():
                raise _slow(arguments[0])
            # It is ended by SIGPIPE where somebody has read enough.
            if status not in (0, -signal.SIGPIPE):
                said.seek(0)
                raise _failed(arguments[0], said.read(4096))

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        return ["git", f"--git-dir={self.folder}", *settings, *arguments]


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what was buffered is for a process that has ended


def _no_git() -> SetupError:
    return SetupError("There is no program `git` here.", mend="Install Debian's package `git` on the worker's machine.")


def _slow(verb: str) -> Unavailable:
    return Unavailable(f"git {verb} took longer than {SECONDS:.0f} s.")


def _failed(verb: str, said: bytes) -> Unavailable:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return Unavailable(f"git {verb} failed: {lines[-1][:300] if lines else 'it said nothing'}.")
