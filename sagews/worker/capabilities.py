"""Capabilities: the parts of root's power, and giving them up for good (capabilities(7))."""

from __future__ import annotations

import errno
import struct

from sagews.worker.processes import control
from sagews.worker.system_calls import libc

CAP_KILL = 5

_VERSION_3 = 0x2008_0522
_PR_CAPBSET_DROP = 24
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_WORD_BITS = 32


def forget_bounds() -> None:
    """See that no program that this process ever runs can have one."""
    control(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for number in range(2 * _WORD_BITS):
        try:
            control(_PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno != errno.EINVAL:  # there is none of this number
                raise
            return


def keep_only(*kept: int) -> None:
    """Have just these (numbers), and not get others back."""
    words = [0, 0]
    for number in kept:
        words[number // _WORD_BITS] |= 1 << number % _WORD_BITS
    header = struct.pack("=Ii", _VERSION_3, 0)
    low, high = words
    libc("capset", header, struct.pack("=6I", low, low, 0, high, high, 0))
