"""The filter of system calls: what no session may ask the kernel for, and its installation (seccomp(2)).

It is a list of what is refused. Programs go on where they ask for what they can do without: most calls fail with EPERM,
younger variants that cannot be looked into with ENOSYS, so that the C library falls back to the older one.
Invariant: a call by another architecture's numbers (32 bits, x32) ends the program.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import platform
import struct
import sys
from collections.abc import Sequence

from sagews.worker.seccomp_numbers import ARCHITECTURES, Architecture
from sagews.worker.system_calls import call

_SET_MODE_FILTER = 1
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL_PROCESS, _ALLOW, _ERRNO = 0x8000_0000, 0x7FFF_0000, 0x0005_0000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32_BIT = 0x4000_0000

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand (bpf(4))."""

SET_ID_BITS = 0o6000
NEW_NAMESPACES = 0x7E02_0000
"""Every CLONE_NEW flag that `clone` knows."""
CREATING = 0x40_0040
"""O_CREAT and O_TMPFILE: only with them `open` takes a mode; else there is anything in its place."""
SOCKETS = (1, 2, 10)
"""Families: Unix, IPv4, IPv6."""
TERMINAL_REQUESTS = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: putting characters into somebody's terminal."""
PERSONALITIES = (0, 0xFFFF_FFFF)
"""None, and asking which."""

REFUSED = (
    # mounts, roots, namespaces
    "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "open_tree_attr", "statmount", "listmount",
    # other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "process_madvise", "kcmp",
    # large parts of the kernel that are not needed
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "keyctl", "add_key",
    "request_key", "fanotify_init", "name_to_handle_at", "open_by_handle_at", "lookup_dcookie",
    "nfsservctl", "quotactl",
    "quotactl_fd", "move_pages", "migrate_pages", "vmsplice", "modify_ldt", "lsm_set_self_attr", "memfd_secret",
    # the machine
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module",
    "reboot", "swapon",
    "swapoff", "acct", "syslog", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
    "sethostname", "setdomainname", "iopl", "ioperm", "vhangup", "uselib", "ustat", "sysfs", "_sysctl",
)  # fmt: skip
ABSENT = ("clone3", "openat2")
"""Their flags lie in memory, where a filter cannot look."""


def filter_for(architecture: Architecture) -> list[Instruction]:
    """The program: read it from above."""
    numbers = architecture.numbers
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture.audit),
        _answer(_KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if architecture.has_x32:
        program += [(_AT_LEAST, 0, 1, _X32_BIT), _answer(_KILL_PROCESS)]
    for name in REFUSED:
        program += _when(numbers, name, [_answer(_ERRNO | errno.EPERM)])
    for name in ABSENT:
        program += _when(numbers, name, [_answer(_ERRNO | errno.ENOSYS)])
    program += _when(numbers, "clone", _refuse_bits(0, NEW_NAMESPACES))
    for name, argument in (
        ("chmod", 1),
        ("fchmod", 1),
        ("fchmodat", 2),
        ("fchmodat2", 2),
        ("mkdir", 1),
        ("mkdirat", 2),
    ):
        program += _when(numbers, name, _refuse_bits(argument, SET_ID_BITS))
    for name, argument in (("creat", 1), ("mknod", 1), ("mknodat", 2)):
        program += _when(numbers, name, _refuse_bits(argument, SET_ID_BITS))
    for name, flags in (("open", 1), ("openat", 2)):
        creating = [_low_half(flags), (_ANY_BIT, 1, 0, CREATING), _answer(_ALLOW)]
        program += _when(numbers, name, [*creating, *_refuse_bits(flags + 1, SET_ID_BITS)])
    for name in ("socket", "socketpair"):
        program += _when(numbers, name, _only(0, SOCKETS, errno.EAFNOSUPPORT))
    program += _when(numbers, "ioctl", _refuse_values(1, TERMINAL_REQUESTS))
    program += _when(numbers, "personality", _only(0, PERSONALITIES, errno.EPERM))
    return [*program, _answer(_ALLOW)]


@functools.cache
def program_here() -> bytes:
    """The program for this machine, as the kernel takes it; a zygote makes it once for all its sessions.

    :raises OSError: this architecture is not known here.
    """
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None or sys.maxsize < 2**32:
        raise OSError(errno.ENOSYS, "no filter is known for this architecture", "seccomp")
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in filter_for(architecture))


def install() -> None:
    """Filter this process and all that it ever starts. `PR_SET_NO_NEW_PRIVS` is set.

    :raises OSError: the kernel refuses, or this architecture is not known here.
    """
    program = program_here()
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    call("seccomp", _SET_MODE_FILTER, 0, described)


def _answer(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _when(numbers: dict[str, int], name: str, then: Sequence[Instruction]) -> list[Instruction]:
    """Do this for one call; where the architecture has no such call, nothing. `then` ends with an answer."""
    if name not in numbers:
        return []
    return [(_EQUAL, 0, len(then), numbers[name]), *then]


def _low_half(argument: int) -> Instruction:
    """Load it; both architectures are little-endian."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)


def _refuse_bits(argument: int, bits: int) -> list[Instruction]:
    return [_low_half(argument), (_ANY_BIT, 0, 1, bits), _answer(_ERRNO | errno.EPERM), _answer(_ALLOW)]


def _refuse_values(argument: int, values: Sequence[int]) -> list[Instruction]:
    tests = [(_EQUAL, len(values) - n, 0, value) for n, value in enumerate(values)]
    return [_low_half(argument), *tests, _answer(_ALLOW), _answer(_ERRNO | errno.EPERM)]


def _only(argument: int, values: Sequence[int], error: int) -> list[Instruction]:
    tests = [(_EQUAL, len(values) - n, 0, value) for n, value in enumerate(values)]
    return [_low_half(argument), *tests, _answer(_ERRNO | error), _answer(_ALLOW)]
