"""KeptFolders: the folders of workspaces on this worker's disk, and which of them are needed no more.

Invariants: a folder is removed only while its workspace is not open and, unless the workspace is deleted for good, only
when it was not used for as long as the operator says and has nothing that versions do not keep. Whether the database
has all of it, a backend decides by what is told here: a `Closing` is written at a regular end, and taken away before
anything is changed again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from sagews.errors import SagewsError
from sagews.messages.records import FolderRecord, Limits
from sagews.worker.kept_files import CHANGED, Look
from sagews.worker.rubbish import Rubbish
from sagews.worker.settings import WorkerSettings
from sagews.worker.versions import Versions
from sagews.workspace.git import Git
from sagews.workspace.repository import Repository

log = logging.getLogger(__name__)

FOLDER = "workspaces"
JUDGING_SECONDS = 3.0
"""In which folders are judged for one list; the others are judged for the next ones."""


@dataclass(frozen=True)
class Closing:
    """How a workspace was when it was closed; in a file of its folder."""

    has_all: bool
    """The newest version had all files that were there."""
    is_stored: bool
    """A backend has acknowledged that version, and every edit."""
    versions: int
    looked_at_ns: int
    """When those files were looked at: what was written later (an upload that came too late) is in no version."""

    @classmethod
    def of(cls, versions: Versions, *, is_stored: bool) -> Self:
        """Of a workspace that is being closed."""
        return cls(versions.has_all, is_stored, versions.count, versions.looked_at_ns)

    @classmethod
    def read(cls, top: Path) -> Self | None:
        """None: it was not closed regularly, or is open."""
        try:
            known = json.loads(_file(top).read_text())
            return cls(
                bool(known["has_all"]), bool(known["is_stored"]), int(known["versions"]), int(known["looked_at_ns"])
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.info("Closing is unknown", extra={"action": "closing_unknown", "error": str(error)})
            return None

    def write(self, top: Path) -> None:
        """Remember it; where the disk cannot, the folder counts as one of which nothing is known."""
        part = _file(top).with_suffix(".part")
        try:
            part.write_text(json.dumps(asdict(self)))
            part.replace(_file(top))
        except OSError as error:
            log.info("Closing not noted", extra={"action": "closing_not_noted", "error": str(error)})


def begin_use(top: Path) -> None:
    """What is in this folder may change from now on."""
    _file(top).unlink(missing_ok=True)
    touch(top)


def touch(top: Path) -> None:
    """This folder is used now."""
    os.utime(top)


class KeptFolders:
    """Of one worker."""

    def __init__(self, data: Path, settings: WorkerSettings) -> None:
        """:param data: the worker's own folder."""
        self._folder = data / FOLDER
        self._settings = settings
        self._rubbish = Rubbish(data)
        self._deleting = asyncio.Lock()

    def found(self) -> tuple[FolderRecord, ...]:
        """What is there, the one that was used longest ago first; blocks."""
        if not self._folder.is_dir():
            return ()
        by_age = sorted((used, path) for path in self._folder.iterdir() if (used := _used(path)) is not None)
        listed = [path for _, path in by_age[: self._settings.folders_listed]]
        end = time.monotonic() + JUDGING_SECONDS
        # In no order, so that those which stay whatever is found do not take all the time every time.
        judged = {
            path: self._record(path) if time.monotonic() < end else FolderRecord(path.name)
            for path in random.sample(listed, len(listed))
        }
        return tuple(judged[path] for path in listed)

    def is_old(self, workspace: str) -> bool:
        """Whether its folder is there and was not used for so long that it may go."""
        used, longest = _used(self._folder / workspace), self._settings.folder_seconds
        return used is not None and longest > 0 and time.time() - used >= longest

    def take_away(self, workspace: str) -> bool:
        """Put its folder out of the way, for `delete`; returns whether there was one.

        :raises OSError: the disk cannot.
        """
        return self._rubbish.take(self._folder / workspace)

    async def delete(self) -> None:
        """Delete what was taken away."""
        async with self._deleting:
            await asyncio.to_thread(self._rubbish.empty)

    def _record(self, path: Path) -> FolderRecord:
        if not self.is_old(path.name):
            return FolderRecord(path.name)
        try:
            return self._judged(path)
        except (OSError, SagewsError) as error:
            log.warning("Folder cannot be judged", extra={"action": "folder_not_judged", "error": str(error)})
            return FolderRecord(path.name)

    def _judged(self, path: Path) -> FolderRecord:
        closing, look = Closing.read(path), Look.at(path / "files")
        look.keep_within(self._settings.kept_limits(Limits()), ())
        if look.left_out or (closing is not None and not closing.has_all):
            return FolderRecord(path.name)  # what is left out is nowhere else
        if closing is None:
            # Of a worker that was killed: where others went on, it would be replaced at the next opening.
            return FolderRecord(path.name, is_old=True, versions=Repository(Git(path / "git")).count())
        is_late = any(file.stamp is None or file.stamp[CHANGED] > closing.looked_at_ns for file in look.found)
        return FolderRecord(path.name, True, closing.is_stored and not is_late, closing.versions)


def _used(top: Path) -> float | None:
    """When it was used last; None: it is no folder, or gone."""
    try:
        return top.stat().st_mtime if top.is_dir() else None
    except FileNotFoundError:
        return None


def _file(top: Path) -> Path:
    return top / "closing.json"
