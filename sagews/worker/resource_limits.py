"""The kernel's limits for one process (getrlimit(2)); those for a whole session are in `control_groups`."""

from __future__ import annotations

import resource
from pathlib import Path

from sagews.messages.records import Limits

CPU_BEYOND_SECONDS = 2
"""Above a session's limit, which the worker watches over and gives the reason for: this one is a fall-back."""
CPU_GRACE_SECONDS = 5
"""A program that catches SIGXCPU is killed so much later."""
RESERVED_BYTES = 4 * 1024**3
"""Address space that GAP reserves without using it, beyond what a session may use."""


def set_limits(limits: Limits, *, own_user: bool) -> None:
    """Set what can be set for one process.

    :param own_user: no other session's processes count as this user's, so that their number can be limited.
    """
    _limit(resource.RLIMIT_CORE, 0)
    if limits.cpu_seconds:
        soft = limits.cpu_seconds + CPU_BEYOND_SECONDS
        _limit(resource.RLIMIT_CPU, soft, soft + CPU_GRACE_SECONDS)
    if limits.open_files:
        _limit(resource.RLIMIT_NOFILE, limits.open_files)
    if limits.file_bytes:
        _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.memory_bytes:
        _limit(resource.RLIMIT_AS, _address_space() + limits.memory_bytes + RESERVED_BYTES)
    if limits.processes and own_user:
        _limit(resource.RLIMIT_NPROC, limits.processes)


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
