"""Mounts, by descriptors where the kernel has that (open_tree(2), move_mount(2), mount_setattr(2)).

Invariant: everything happens in this process's own mount namespace, from which nothing spreads (`keep_private`).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from sagews.worker.system_calls import call, libc

READ_ONLY = 0x1
NO_SETUID = 0x2
NO_DEVICES = 0x4
NO_PROGRAMS = 0x8
_ID_MAPPED = 0x0010_0000

_MS_RECURSIVE, _MS_PRIVATE = 0x4000, 0x4_0000
_DETACH = 2
_AT_EMPTY_PATH, _AT_RECURSIVE, _AT_FDCWD = 0x1000, 0x8000, -100
_OPEN_TREE_CLONE = 1
_MOVE_FROM_DESCRIPTOR = 0x4
_ATTRIBUTES = struct.Struct("=4Q")


def keep_private() -> None:
    """Let no mount of ours reach another namespace, nor theirs us."""
    libc("mount", b"none", b"/", None, _MS_RECURSIVE | _MS_PRIVATE, None)


def mount(kind: str, target: Path, options: str = "", attributes: int = 0) -> None:
    """Mount a new file system ("tmpfs", "proc", "devpts") without a device."""
    libc("mount", kind.encode(), bytes(target), kind.encode(), attributes, options.encode())


def copy(source: Path, attributes: int) -> int:
    """A descriptor of a copy of the mounts at and below `source`, mounted nowhere yet, with these attributes too."""
    tree = call("open_tree", _AT_FDCWD, bytes(source), _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC)
    try:
        _set(tree, b"", attributes, _AT_EMPTY_PATH | _AT_RECURSIVE)
    except OSError:
        os.close(tree)
        raise
    return tree


def copy_of_folder(folder: int, attributes: int, user_namespace: int | None = None) -> int:
    """The same of an open folder alone, without what is mounted below it.

    :param user_namespace: the file owners on it are mapped as in this one (`namespaces.user_namespace`).
    """
    tree = call("open_tree", folder, b"", _AT_EMPTY_PATH | _OPEN_TREE_CLONE | os.O_CLOEXEC)
    try:
        mapped = 0 if user_namespace is None else _ID_MAPPED
        _set(tree, b"", attributes | mapped, _AT_EMPTY_PATH, user_namespace or 0)
    except OSError:
        os.close(tree)
        raise
    return tree


def place(tree: int, target: Path) -> None:
    """Mount a copy, and close its descriptor."""
    try:
        call("move_mount", tree, b"", _AT_FDCWD, bytes(target), _MOVE_FROM_DESCRIPTOR)
    finally:
        os.close(tree)


def set_attributes(target: Path, attributes: int) -> None:
    """Give one mount these attributes too."""
    fd = os.open(target, os.O_PATH | os.O_CLOEXEC)
    try:
        _set(fd, b"", attributes, _AT_EMPTY_PATH)
    finally:
        os.close(fd)


def take_root(new: Path) -> None:
    """Make a mount the root of this namespace; nothing that was outside can be reached any more (pivot_root(2)).

    Processes of this namespace that have changed their root to it already stay where they are.
    """
    os.chdir(new)
    call("pivot_root", b".", b".")
    libc("umount2", b".", _DETACH)  # the old root lies on the new one
    os.chroot(".")
    os.chdir("/")


def _set(fd: int, path: bytes, attributes: int, flags: int, user_namespace: int = 0) -> None:
    wanted = _ATTRIBUTES.pack(attributes, 0, 0, user_namespace)
    call("mount_setattr", fd, path, flags, wanted, len(wanted))
