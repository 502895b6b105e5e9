"""ControlGroups: the kernel's limits for all processes of a session together, where they can be written (cgroups(7)).

Both versions are known; on one machine each controller is in one of them. Invariant: a group is removed when its
session is reaped; those of a zygote that was killed, when the next one starts.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sagews.messages.records import Limits

TOP = "sagews"
WANTED = ("memory", "pids", "cpu")
"""Controllers. Of `cpu` nothing is set: its groups share the processors evenly, however many processes are in each, and
all of them together count as much as one of the machine's other groups (sched(7), "The autogroup feature")."""
_MOUNT = re.compile(r"^\S+ \S+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$", re.MULTILINE)
_OF_SWAP = ("memory.memsw.limit_in_bytes", "memory.swap.max")
_OUT_OF_MEMORY = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Hierarchy:
    """Where groups are made for one or more controllers."""

    folder: Path
    version: int
    controllers: tuple[str, ...]


class ControlGroups:
    """Those of one zygote's sessions."""

    def __init__(self, hierarchies: tuple[Hierarchy, ...], owner: int) -> None:
        """:param owner: process id of the zygote."""
        self._hierarchies = hierarchies
        self._owner = owner

    @property
    def controllers(self) -> frozenset[str]:
        """What they do: `WANTED`, or a part of it."""
        return frozenset(name for hierarchy in self._hierarchies for name in hierarchy.controllers)

    def make(self, number: int, limits: Limits) -> list[int]:
        """Make a session's groups; returns descriptors into which its process is written to join.

        :raises OSError: they cannot be made.
        """
        joins: list[int] = []
        try:
            for hierarchy in self._hierarchies:
                folder = self._folder(hierarchy, number)
                folder.mkdir()
                _set(folder, hierarchy, limits)
                joins.append(os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        except OSError:
            for join in joins:
                os.close(join)
            self.remove(number)
            raise
        return joins

    def ran_out_of_memory(self, number: int) -> bool:
        """Whether the kernel has ended a process of the session for its memory."""
        for hierarchy in self._hierarchies:
            if "memory" in hierarchy.controllers:
                name = "memory.oom_control" if hierarchy.version == 1 else "memory.events"
                found = _OUT_OF_MEMORY.search((self._folder(hierarchy, number) / name).read_text())
                return found is not None and int(found[1]) > 0
        return False

    def remove(self, number: int) -> None:
        """Nothing of the session is left; nor are its groups."""
        for hierarchy in self._hierarchies:
            with contextlib.suppress(FileNotFoundError):
                self._folder(hierarchy, number).rmdir()

    def _folder(self, hierarchy: Hierarchy, number: int) -> Path:
        return hierarchy.folder / f"{self._owner}.{number}"


def find() -> ControlGroups | None:
    """Those of this process; None where the memory of a group cannot be limited here.

    What zygotes that are dead have left is removed.
    """
    hierarchies = []
    for mounted, version, controllers in _mounted():
        offered = tuple(name for name in WANTED if name in controllers)
        # A kernel may refuse `cpu` (processes with real-time priority), and with it all that is asked for at once.
        for wanted in (offered, tuple(name for name in offered if name != "cpu")):
            if wanted and _usable(hierarchy := Hierarchy(mounted / TOP, version, wanted)):
                hierarchies.append(hierarchy)
                _remove_dead(hierarchy.folder)
                break
    groups = ControlGroups(tuple(hierarchies), os.getpid())
    return groups if "memory" in groups.controllers else None


def _mounted() -> Iterator[tuple[Path, int, tuple[str, ...]]]:
    """Where each hierarchy begins that has controllers, its version, and which."""
    for place, kind, options in _MOUNT.findall(Path("/proc/self/mountinfo").read_text()):
        folder = Path(place)
        if kind == "cgroup":
            yield folder, 1, tuple(options.split(","))
        elif (folder / "cgroup.controllers").exists():
            yield folder, 2, tuple((folder / "cgroup.controllers").read_text().split())


def _usable(hierarchy: Hierarchy) -> bool:
    """Whether groups with limits can be made in it; tried."""
    probe = hierarchy.folder / f"{os.getpid()}.probe"
    try:
        if hierarchy.version == 2:
            _hand_down(hierarchy.folder.parent, hierarchy.controllers)
        hierarchy.folder.mkdir(exist_ok=True)
        if hierarchy.version == 2:
            _hand_down(hierarchy.folder, hierarchy.controllers)
        probe.mkdir()
    except OSError:
        return False
    try:
        _set(probe, hierarchy, Limits(memory_bytes=2**30, processes=100))
    except OSError:
        return False
    else:
        return True
    finally:
        probe.rmdir()


def _hand_down(folder: Path, controllers: tuple[str, ...]) -> None:
    """Let the groups in this one have the controllers (version 2: cgroup.subtree_control)."""
    (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))


def _set(folder: Path, hierarchy: Hierarchy, limits: Limits) -> None:
    """Set the limits of a group that was just made.

    :raises OSError: one cannot be set.
    """
    for name, value in _settings(hierarchy, limits):
        if name not in _OF_SWAP or (folder / name).exists():  # a kernel that does not count swap has no such file
            (folder / name).write_text(value)


def _settings(hierarchy: Hierarchy, limits: Limits) -> Iterator[tuple[str, str]]:
    """Files of a group, and what is written to them."""
    if "memory" in hierarchy.controllers and limits.memory_bytes:
        if hierarchy.version == 1:
            yield "memory.limit_in_bytes", str(limits.memory_bytes)
            yield "memory.memsw.limit_in_bytes", str(limits.memory_bytes)
        else:
            yield "memory.max", str(limits.memory_bytes)
            yield "memory.swap.max", "0"
            yield "memory.oom.group", "1"
    if "pids" in hierarchy.controllers and limits.processes:
        yield "pids.max", str(limits.processes)


def _remove_dead(folder: Path) -> None:
    for group in folder.glob("*.*"):
        owner = group.name.partition(".")[0]
        if group.is_dir() and owner.isdigit() and not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):  # a process of it is still ending; the next zygote looks again
                group.rmdir()
