"""Landlock: a second wall around the files, that no mount can pass (landlock(7)).

Invariant: it only ever takes rights away; what the kernel is too old for is left out. It does not cover UDP.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path

from sagews.worker.system_calls import call

_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
READ = _EXECUTE | _READ_FILE | _READ_FOLDER
_BY_VERSION = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""Rights about files, by the version of the interface that brought them: 2, moves; 3, truncate; 5, ioctl."""
_ON_FILES = _EXECUTE | 1 << 1 | _READ_FILE | 1 << 14 | 1 << 15
"""Those that make sense for what is no folder."""
_SCOPES = {6: 0b11}
"""Abstract sockets and signals stay inside."""


def version() -> int:
    """Of the kernel's interface; 0 = it has none."""
    try:
        return call("landlock_create_ruleset", None, 0, _VERSION)
    except OSError:
        return 0


def restrict(version: int, readable: Iterable[int | Path], writable: Iterable[int | Path]) -> None:
    """Let this process and what it starts only read and run what is in these, and do all in those.

    :param version: of the interface; at least 1. `PR_SET_NO_NEW_PRIVS` is set.
    :param readable: folders and files, by path or descriptor; what is not there is left out.
    :raises OSError: the kernel refuses.
    """
    handled = _sum(_BY_VERSION, version)
    attributes = struct.pack("=QQQ", handled, 0, _sum(_SCOPES, version))
    size = 24 if version >= 6 else 8
    rules = call("landlock_create_ruleset", attributes, size, 0)
    try:
        for places, rights in ((readable, READ), (writable, handled)):
            for place in places:
                _allow(rules, place, rights & handled)
        call("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, place: int | Path, rights: int) -> None:
    if isinstance(place, int):
        _add(rules, place, rights)
        return
    try:
        fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        _add(rules, fd, rights if place.is_dir() else rights & _ON_FILES)
    finally:
        os.close(fd)


def _add(rules: int, fd: int, rights: int) -> None:
    call("landlock_add_rule", rules, _PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)


def _sum(parts: dict[int, int], version: int) -> int:
    return sum(bits for since, bits in parts.items() if since <= version)
