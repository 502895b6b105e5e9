"""Ending and reaping processes, from inside a zygote or the init of a session.

Invariant: a process is only ever signalled while its parent (this process, or a descendant of it) has not
reaped it, so that no number is used after another process got it. Standard library only.
"""

from __future__ import annotations

import os
import resource
import signal

from sagews.worker.system_calls import libc

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
PR_SET_CHILD_SUBREAPER = 36


def control(option: int, value: int) -> None:
    """prctl(2).

    :raises OSError: where the kernel refuses.
    """
    libc("prctl", option, value, 0, 0, 0)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Get signal `number` when the parent dies.

    :param parent: its process id; if it is dead already, this process ends now.
    """
    control(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def keep_descriptors(kept: list[int]) -> None:
    """Close every descriptor but 0, 1, 2 and these."""
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


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


def _children(process: int) -> list[int]:
    """Its children now, in microseconds; one that comes or goes meanwhile may be missing.

    :raises FileNotFoundError: it has ended; or the kernel does not tell (CONFIG_PROC_CHILDREN).
    """
    found: list[int] = []
    for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208
        with open(f"/proc/{process}/task/{thread}/children", "rb") as file:  # noqa: PTH123
            found += map(int, file.read().split())
    return found


def _below(root: int) -> list[int]:
    """Everything below `root`, as far as the kernel tells it quickly; see `descendants`."""
    try:
        waiting = _children(root)
    except FileNotFoundError:
        return descendants(root)
    found: list[int] = []
    while waiting:
        process = waiting.pop()
        found.append(process)
        try:
            waiting += _children(process)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def kill(process: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended already."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def kill_descendants() -> None:
    """End every descendant of this process (a subreaper) and reap it, whatever it did to get away.

    Each round kills all that there is and waits for one; a process that forked in between is found in the next. So that
    a storm of forks is not faster, a round looks at this process's own descendants only.
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
        found = _below(me)
        for process in found:
            kill(process)


def kill_all_others() -> None:
    """The same for the first process of a namespace of processes, below which all others are (pid_namespaces(7)).

    Nothing can come after it: whoever forks meanwhile is reached by the same signal, or by the next round.
    """
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nobody else is left
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
