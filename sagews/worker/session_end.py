"""Why a session ended, in words for people."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Literal

from sagews.messages.records import Limits
from sagews.messages.sizes import in_binary_units

Code = Literal["shutdown", "restart", "limit", "idle", "died", "operator", "worker"]
"""As in `session_ended`."""


@dataclass(frozen=True)
class SessionEnd:
    """Why a session ended."""

    reason: str
    """For people."""
    code: Code
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    """Largest resident memory of one of its processes."""


def reason_of(status: int, limits: Limits, *, was_busy: bool) -> tuple[str, Code]:
    """What the wait status of the user's process means.

    :param was_busy: it ended while something was evaluated.
    """
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number == signal.SIGXCPU:
        return f"cpu limit {limits.cpu_seconds} s", "limit"
    if number == signal.SIGXFSZ:
        return f"file size limit {in_binary_units(limits.file_bytes)}", "limit"
    if status == 0:
        return ("ended by os._exit", "died") if was_busy else ("ended by exit", "shutdown")
    return describe(status), "died"


def describe(status: int) -> str:
    """A wait status in words: "killed by SIGSEGV", "exited with status 3"."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {member.value: member.name for member in signal.Signals}
        return f"killed by {names.get(number, f'signal {number}')}"
    return f"exited with status {os.WEXITSTATUS(status)}"
