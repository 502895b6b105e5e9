"""What a forked session may do: the one place where it gives up what it does not need.

Runs in the session, between the fork and the first byte of a user. Each step raises `OSError` or
`SetupError` where it cannot be taken, and the session ends then: it fails closed. Switching users,
namespaces and system call filters belong here, at the marked places.
"""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from sagews.messages.records import Limits
from sagews.worker import processes

CPU_GRACE_SECONDS = 5
"""A program that catches SIGXCPU is killed so much later."""
RESERVED_BYTES = 4 * 1024**3
"""Address space that GAP reserves without using it, beyond what a session may use."""


def keep_descriptors(kept: list[int]) -> None:
    """Close every descriptor but 0, 1, 2 and these."""
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def confine(limits: Limits, parent: int) -> None:
    """Give up everything that the user's code must not have.

    :param parent: process id of the session's init, with which this process dies.
    """
    # Namespaces and a root of its own go here.
    _set_limits(limits)
    # The user is switched here; the next line stays behind it, because switching clears it (prctl(2)).
    processes.die_with_parent(signal.SIGKILL, parent)
    processes.control(processes.PR_SET_NO_NEW_PRIVS, 1)
    # System call filters go here, last.


def _set_limits(limits: Limits) -> None:
    """Per process. `processes` is not set: the kernel counts per user, and all sessions are one user here."""
    _limit(resource.RLIMIT_CORE, 0)
    if limits.cpu_seconds:
        _limit(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + CPU_GRACE_SECONDS)
    if limits.open_files:
        _limit(resource.RLIMIT_NOFILE, limits.open_files)
    if limits.file_bytes:
        _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.memory_bytes:
        _limit(resource.RLIMIT_AS, _address_space() + limits.memory_bytes + RESERVED_BYTES)


def _limit(what: int, soft: int, hard: int = 0) -> None:
    """Lower a limit, never above the hard one that there is."""
    allowed = resource.getrlimit(what)[1]
    hard = hard or soft
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard, allowed)
    resource.setrlimit(what, (soft, hard))


def _address_space() -> int:
    """Bytes of address space that this process has now (proc_pid_statm(5))."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
