"""Where a session's text goes, and the marks by which the worker keeps it in order with messages.

Invariant: text reaches file descriptor 1 or 2 in the order in which the program makes it, also what C's
standard output holds back, and nothing is written to either while a mark is half told. A process that the
user's code forks writes text only, never a mark. (docs/protocol.md, "Output order inside a session")
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import io
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from sagews.worker.session_signals import uninterrupted
from sagews.worker.system_calls import LIBC

MARK_START = b"\x1e"
MARK_END = b"\x1f"
OF_MESSAGE = b"m"
"""Behind the number of a mark to which a message belongs."""


FFLUSH = LIBC.fflush
"""``FFLUSH(None)`` writes out what C libraries in this process have printed so far (fflush(3))."""


_LINE_BUFFERED = 1
_BUFFER_BYTES = 65536


def show_lines_of_c() -> None:
    """Let C's standard output be written line by line, as on a terminal, also while a library runs for long."""
    LIBC.setvbuf(ctypes.c_void_p.in_dll(LIBC, "stdout"), None, _LINE_BUFFERED, ctypes.c_size_t(_BUFFER_BYTES))


STARTING_PROGRAMS = {"os.system", "subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.forkpty"}


def flush_before_programs(event: str, arguments: object) -> None:
    """An audit hook (PEP 578): what C libraries hold comes before what another program writes."""
    if event in STARTING_PROGRAMS:
        FFLUSH(None)


class Marks:
    """Numbers the marks of one session and writes them into both pipes."""

    def __init__(self, nonce: bytes, pipes: tuple[int, int]) -> None:
        """:param pipes: private duplicates of descriptors 1 and 2, which the user's code does not know."""
        self.number = 0
        self._pipes = pipes
        self._start = MARK_START + nonce.hex().encode() + b":"
        self.lock = threading.RLock()
        """Held while a mark, or a mark and its message, is told: the user's threads print too."""
        self._owed: deque[tuple[int, bytes]] = deque()
        self.active = True
        """False in a process that the user's code forked."""

    def mark(self, kind: bytes = b"") -> int:
        """Write the next mark; return its number."""
        if not self.active:
            return 0
        with self.lock, uninterrupted():
            FFLUSH(None)
            self.number += 1
            mark = self._start + str(self.number).encode() + kind + MARK_END
            self._owed.extend((pipe, mark) for pipe in self._pipes)
            while self._owed:
                # Taken away only behind the write: a mark that is told twice does no harm, one that is missing does.
                os.write(*self._owed[0])
                self._owed.popleft()
            return self.number


class TextOutput(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a session: unbuffered, in order with C's standard output."""

    def __init__(self, name: str, descriptor: int, marks: Marks) -> None:
        """:param name: "stdout" or "stderr"."""
        self._name = name
        self._descriptor = descriptor
        self._marks = marks
        self.buffer = BytesOutput(self)
        self.takes: Callable[[str, bytes], bool] = lambda name, data: False
        """Whether somebody else takes what is written (`Capture`)."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Always UTF-8."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """A lone surrogate is written as its escape: it has no form in UTF-8."""
        return "backslashreplace"

    @property
    def name(self) -> str:
        """As Python's own are called."""
        return f"<{self._name}>"

    def fileno(self) -> int:
        """1 or 2."""
        return self._descriptor

    def isatty(self) -> bool:
        """It is not."""
        return False

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write all of it now."""
        self.write_bytes(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Write them at once."""
        self.write("".join(lines))

    def write_bytes(self, data: bytes) -> None:
        """Write all of it now."""
        if not (self._marks.active and self.takes(self._name, data)):
            self._write(data)

    def _write(self, data: bytes) -> None:
        FFLUSH(None)
        written = os.write(self._descriptor, data)
        while written < len(data):
            written += os.write(self._descriptor, memoryview(data)[written:])

    def flush(self) -> None:
        """Nothing of Python's waits here; write out what C libraries hold."""
        FFLUSH(None)

    def close(self) -> None:
        """It stays open: a session needs it to the end."""


class ErrorOutput(TextOutput):
    """`sys.stderr` of a session: between two marks, because also C and other programs write to the other stream."""

    def _write(self, data: bytes) -> None:
        self._marks.mark()
        super()._write(data)
        self._marks.mark()


_PRINT = builtins.print


@functools.wraps(_PRINT)
def print_at_once(
    *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False
) -> None:
    """Python's `print`, which writes a line in two pieces; to a session's streams this one writes it in one."""
    output = sys.stdout if file is None else file
    if (
        type(output) not in (TextOutput, ErrorOutput)
        or not (sep is None or type(sep) is str)
        or not (end is None or type(end) is str)
    ):
        _PRINT(*values, sep=sep, end=end, file=file, flush=flush)
    else:
        text = (" " if sep is None else sep).join(map(str, values))
        output.write(text + ("\n" if end is None else end))


class BytesOutput(io.RawIOBase):
    """The `buffer` of a `TextOutput`, for programs that write bytes."""

    def __init__(self, text: TextOutput) -> None:
        self._text = text

    def fileno(self) -> int:
        """1 or 2."""
        return self._text.fileno()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write all of it now."""
        kept = bytes(data)
        self._text.write_bytes(kept)
        return len(kept)

    def close(self) -> None:
        """It stays open: a session needs it to the end."""
