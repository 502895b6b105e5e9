"""System calls for which the standard library has no function, by name.

Invariant: a call that the kernel refuses raises `OSError`; a result is never ignored. Standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform

LIBC = ctypes.CDLL(None, use_errno=True)

NUMBERS = {
    "x86_64": {"pivot_root": 155, "setns": 308, "keyctl": 250, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "setns": 268, "keyctl": 219, "seccomp": 277},
}
"""Where each architecture has its own (syscalls(2))."""
SAME = {
    "open_tree": 428,
    "move_mount": 429,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
"""Younger ones have one number everywhere."""

Argument = int | bytes | None | ctypes.Array[ctypes.c_char]


def call(name: str, *arguments: Argument) -> int:
    """Make a system call; returns what it returns, never negative.

    :param name: one of those above.
    :raises OSError: the kernel refuses it; ENOSYS also where this architecture is not known here.
    """
    number = SAME.get(name) or NUMBERS.get(platform.machine(), {}).get(name)
    if number is None:
        raise OSError(errno.ENOSYS, "not known for this architecture", name)
    return check(LIBC.syscall(ctypes.c_long(number), *map(_as_word, arguments)), name)


def libc(name: str, *arguments: Argument) -> int:
    """Call a function of the C library that returns -1 and sets errno.

    :raises OSError: it failed.
    """
    return check(getattr(LIBC, name)(*map(_as_word, arguments)), name)


def check(result: int, name: str) -> int:
    """:raises OSError: the result says so."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def _as_word(argument: Argument) -> object:
    """Numbers as whole registers: ctypes would pass 32 bits, and leave the upper half to chance."""
    return ctypes.c_ulong(argument & (2**64 - 1)) if isinstance(argument, int) else argument
