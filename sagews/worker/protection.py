"""Protection: what keeps a session from everybody else, each thing by its name, and what its absence means."""

from __future__ import annotations

from enum import IntFlag, auto


class Protection(IntFlag):
    """One bit each, so that a set of them is a number."""

    USERS = auto()
    PROCESSES = auto()
    FILES = auto()
    NETWORK = auto()
    LANDLOCK = auto()
    SYSTEM_CALLS = auto()
    MEMORY = auto()
    PROCESSOR = auto()

    @property
    def label(self) -> str:
        """As in the configuration and on a terminal: ``system_calls``."""
        assert self.name is not None
        return self.name.lower()


ALL = Protection((1 << len(Protection)) - 1)

PRESENT = {
    Protection.USERS: "each open workspace has a Unix user of its own",
    Protection.PROCESSES: "a session sees and reaches its own processes only, and none of them outlives it",
    Protection.FILES: "a session sees programs and libraries, read-only, and its own workspace",
    Protection.NETWORK: "a session reaches no network and no server of this machine",
    Protection.LANDLOCK: "a second wall around the files (Landlock)",
    Protection.SYSTEM_CALLS: "a filter of system calls (seccomp)",
    Protection.MEMORY: "the memory of all processes of a session together is limited by the kernel (control groups)",
    Protection.PROCESSOR: "sessions share the processors evenly, however many processes each has (control groups)",
}
ABSENT = {
    Protection.USERS: "sessions of different workspaces run as the same Unix user",
    Protection.PROCESSES: "a session can see the processes of this machine, and send signals to those of the same user",
    Protection.FILES: "a session can read what its Unix user can read on this machine",
    Protection.NETWORK: "a session reaches the network, and servers that listen on this machine",
    Protection.LANDLOCK: "one wall less around the files",
    Protection.SYSTEM_CALLS: "a session can ask the kernel for everything: a hole in it is easier to use",
    Protection.MEMORY: "the memory of a session is looked at once a second; one that is quick can take more",
    Protection.PROCESSOR: "a session of many processes, or of many groups of them, slows the others down",
}
MENDS = {
    Protection.USERS: "Start the worker as root, with its data on ext4, XFS, Btrfs or tmpfs, under Linux 5.19 or later",
    Protection.PROCESSES: "Start the worker as root, or allow user namespaces (user.max_user_namespaces)",
    Protection.FILES: "Start the worker as root, or allow user namespaces; Linux 5.12 or later",
    Protection.NETWORK: "Start the worker as root, or allow user namespaces",
    Protection.LANDLOCK: "Linux 5.13 or later, with landlock among its security modules (lsm=)",
    Protection.SYSTEM_CALLS: "A kernel with seccomp, on x86-64 or arm64",
    Protection.MEMORY: "Start the worker as root, where control groups can be written",
    Protection.PROCESSOR: "Start the worker as root, where control groups with the controller `cpu` can be written",
}


DEMANDED = ALL & ~Protection.PROCESSOR
"""Without which strangers are not served unless the operator accepts it: all but what is a matter of fairness."""


def absent_ones(present: Protection) -> tuple[Protection, ...]:
    """Those that are not in it."""
    return tuple(one for one in Protection if one not in present)
