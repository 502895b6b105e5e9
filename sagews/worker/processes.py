"""Ending and reaping processes, from inside a zygote or the init of a session.

Invariant: a process is only ever signalled while its parent (this process, or a descendant of it) has not
reaped it, so that no number is used after another process got it. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_CHILD_SUBREAPER = 36

LIBC = ctypes.CDLL(None, use_errno=True)


def control(option: int, value: int) -> None:
    """prctl(2).

    :raises OSError: where the kernel refuses.
    """
    if LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"prctl {option}")


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Get signal `number` when the parent dies.

    :param parent: its process id; if it is dead already, this process ends now.
    """
    control(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def become_subreaper() -> None:
    """Become the parent of every descendant whose parent dies (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    control(PR_SET_CHILD_SUBREAPER, 1)


def families() -> dict[int, list[int]]:
    """Every process by its parent, in one look at /proc."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 (thousands of paths would be made)
        if name.isdigit():
            parent = _parent(name)
            if parent:
                found.setdefault(parent, []).append(int(name))
    return found


def _parent(name: str) -> int:
    try:
        with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            # The command's name stands in parentheses and may hold anything, parentheses too.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def descendants(
    root: int, children: dict[int, list[int]] | None = None, spared: frozenset[int] = frozenset()
) -> list[int]:
    """Everything below `root`, parents first, without the `spared` and what is below them.

    :param children: what `families` told just now, where it is known.
    """
    known = families() if children is None else children
    found: list[int] = []
    waiting = [root]
    while waiting:
        for child in known.get(waiting.pop(), ()):
            if child not in spared:
                found.append(child)
                waiting.append(child)
    return found


def kill(process: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended already."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def kill_descendants() -> None:
    """End every descendant of this process (a subreaper) and reap it, whatever it did to get away.

    Each round kills all that there is and waits for one; a process that forked in between is found in the next.
    """
    me = os.getpid()
    found: list[int] = []
    while True:
        try:
            os.waitpid(-1, 0 if found else os.WNOHANG)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        found = descendants(me)
        for process in found:
            kill(process)
