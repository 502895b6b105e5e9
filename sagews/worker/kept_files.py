"""KeptFiles: which of a workspace's files are kept in its versions, found by looking at its folder.

Invariant: nothing is opened through a link, and only regular files are; what is not kept is named with the reason, and
all the rest is kept.
"""

from __future__ import annotations

import os
import stat
import time
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sagews.errors import UsageError
from sagews.worker.files import PART, steps_of

DEPTH = 64
"""Of folders in folders."""
CACHES = frozenset({".cache", ".ipython", ".sage", ".local", ".matplotlib", ".config"})
"""Folders at the top in which programs keep what they can make again."""
LEFTOVERS = frozenset({"__pycache__", ".ipynb_checkpoints"})
"""The same anywhere."""
MOST = 200_000
"""Files and folders that are looked at."""
FRESH_NS = 100_000_000
"""A file that was changed so short a time ago may change again without its stamp being another."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Stamp = tuple[int, int, int, int, int]
CHANGED = 3
"""Where in a stamp is the time (ns) of the last change of content, name or mode, which no program can set back."""


@dataclass(frozen=True)
class KeptLimits:
    """Of what is kept of one workspace."""

    file_bytes: int
    bytes: int
    """Of all files together."""
    files: int


@dataclass(frozen=True)
class FoundFile:
    """A file, or a link to something in the workspace."""

    path: str
    mode: str
    """As git has it."""
    size: int
    stamp: Stamp | None
    """As long as it is the same, so is the content; None: not even then."""


@dataclass(frozen=True)
class LeftOut:
    """What is not kept."""

    path: str
    why: str


class Look:
    """One look at a folder."""

    def __init__(self) -> None:
        """Nothing was found yet."""
        self.found: list[FoundFile] = []
        self.left_out: list[LeftOut] = []
        self._now = time.time_ns()
        self._seen = 0

    @classmethod
    def at(cls, top: Path) -> Look:
        """Look at everything below `top`, which itself is trusted."""
        look = cls()
        descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            look._folder(descriptor, "")
        finally:
            os.close(descriptor)
        return look

    def _folder(self, descriptor: int, prefix: str) -> None:
        with os.scandir(descriptor) as entries:
            names = sorted(entry.name for entry in entries)
        for name in names:
            if name in LEFTOVERS or name.startswith(PART) or (not prefix and name in CACHES):
                continue
            path = prefix + name
            why = unfit(name)
            if why:
                self.left_out.append(LeftOut(path, why))
                continue
            try:
                self._entry(descriptor, name, path)
            except (FileNotFoundError, NotADirectoryError):
                continue  # it went while we looked
            except OSError as error:
                self.left_out.append(LeftOut(path, f"cannot be read ({error.strerror})"))

    def _entry(self, folder: int, name: str, path: str) -> None:
        self._seen += 1
        if self._seen > MOST:
            if self._seen == MOST + 1:
                self.left_out.append(LeftOut(path, f"and what comes after it is more than {MOST} files"))
            return
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            self._inner(folder, name, path)
        elif stat.S_ISREG(found.st_mode):
            mode = "100755" if found.st_mode & stat.S_IXUSR else "100644"
            self.found.append(FoundFile(path, mode, found.st_size, self._stamp(found)))
        elif stat.S_ISLNK(found.st_mode):
            target = os.readlink(name, dir_fd=folder)
            if leads_out(path, target):
                self.left_out.append(LeftOut(path, "is a link that leads out of the workspace"))
            else:
                self.found.append(FoundFile(path, "120000", len(os.fsencode(target)), self._stamp(found)))
        else:
            self.left_out.append(LeftOut(path, "is no file"))

    def _inner(self, folder: int, name: str, path: str) -> None:
        if path.count("/") + 1 >= DEPTH:
            self.left_out.append(LeftOut(path, f"is more than {DEPTH} folders deep"))
            return
        inner = os.open(name, _FOLDER, dir_fd=folder)
        try:
            self._folder(inner, f"{path}/")
        finally:
            os.close(inner)

    def _stamp(self, found: os.stat_result) -> Stamp | None:
        if self._now - max(found.st_mtime_ns, found.st_ctime_ns) < FRESH_NS:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)

    def keep_within(self, limits: KeptLimits, kept: Collection[str]) -> None:
        """Leave out what is over a limit: of the workspace's, first the largest of those that are not `kept` yet."""
        fitting: list[FoundFile] = []
        room, places = limits.bytes, limits.files
        for file in sorted(self.found, key=lambda file: (file.path not in kept, file.size, file.path)):
            if file.size > limits.file_bytes:
                self.left_out.append(LeftOut(file.path, f"is larger than {_size(limits.file_bytes)}"))
            elif file.size > room:
                self.left_out.append(LeftOut(file.path, f"does not fit into the {_size(limits.bytes)} of a workspace"))
            elif not places:
                self.left_out.append(LeftOut(file.path, f"is one file more than {limits.files}"))
            else:
                fitting.append(file)
                room, places = room - file.size, places - 1
        self.found = sorted(fitting, key=lambda file: file.path)


def told(left_out: list[LeftOut]) -> str:
    """What a person is told of it; "" = all is kept."""
    if not left_out:
        return ""
    named = "; ".join(f"“{shown(one.path)}” {one.why}" for one in left_out[:5])
    more = f"; and {len(left_out) - 5} more" if len(left_out) > 5 else ""
    return f"Not kept in the workspace's versions: {named}{more}. Everything else is."


def shown(path: str) -> str:
    """A path as a person can be shown it."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in path[:100])


def is_git_name(name: str) -> bool:
    """Whether some file system takes this name for `.git` (git-fsck(1), "hasDotgit"): git refuses trees with it."""
    plain = "".join(sign for sign in name if unicodedata.category(sign) != "Cf").lower()
    base = plain.partition(":")[0].rstrip(" .").replace("\\", "/")
    return any(part.rstrip(" .") in (".git", "git~1") for part in base.split("/"))


def leads_out(path: str, target: str) -> bool:
    """Whether a link at `path` may lead out of the workspace.

    It may go up first, from where it really is, and then down: after a step down, which may be a link itself, `..` is
    not where it seems to be.
    """
    steps = [step for step in target.split("/") if step not in ("", ".")]
    up = next((number for number, step in enumerate(steps) if step != ".."), len(steps))
    down = steps[up:]
    return not target or target.startswith("/") or up > path.count("/") or any(map(_is_no_step, down))


def _is_no_step(step: str) -> bool:
    return step == ".." or is_git_name(step)


def unfit(name: str) -> str:
    """Why a version cannot have a file of this name; "" = it can."""
    try:
        steps_of(name)
    except UsageError:
        return "has a name that is no text, or too long"
    if is_git_name(name):
        return "has a name that only git itself may use"
    return ""


def _size(count: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"
