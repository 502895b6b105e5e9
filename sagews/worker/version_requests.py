"""What is asked about the versions of an open workspace."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from sagews.errors import NotFound
from sagews.messages.files import FileEntries, FileEntry
from sagews.messages.history import HistoryList, HistoryListed, VersionChanged, VersionChanges, WentBack
from sagews.messages.records import Actor, FileChange, VersionRecord
from sagews.worker.file_tree import LINK
from sagews.worker.open_workspace import OpenedWorkspace
from sagews.worker.versions import Versions
from sagews.workspace.contents import StoredFile
from sagews.workspace.import_stream import Author

LISTED = 200
"""Versions in one answer."""
FILES = 20_000
"""Files in one answer; a frame has its bound."""


LOOKING = 2
"""Threads in which git looks at versions for people, on the whole worker: what takes long holds up no saving."""

_threads = ThreadPoolExecutor(LOOKING, thread_name_prefix="versions")
_Result = TypeVar("_Result")
_Given = TypeVarTuple("_Given")


async def _beside(work: Callable[[*_Given], _Result], *given: *_Given) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *given)


def _of(workspace: OpenedWorkspace) -> Versions:
    if workspace.versions is None:
        raise NotFound("This workspace is thrown away when it closes and keeps no versions.")
    return workspace.versions


async def open_bundle(workspace: OpenedWorkspace, head: str) -> int:
    """A descriptor of the bundle of a checkpoint that is being stored, or ("") of a new one of everything.

    :raises NotFound: there is none.
    """
    versions = _of(workspace)
    if not head:
        await workspace.checkpoints.keep_now()
        return await _beside(_open_whole_bundle, versions)
    path = versions.bundle(head)
    if not head.isalnum() or not path.is_file():
        raise NotFound("This bundle is not offered any more.")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _open_whole_bundle(versions: Versions) -> int:
    if not versions.head:
        raise NotFound("There is no version of this workspace yet.", mend="Make a file first.")
    with tempfile.NamedTemporaryFile() as file:
        versions.repository.write_bundle(Path(file.name), "")
        return os.open(file.name, os.O_RDONLY | os.O_CLOEXEC)


async def listed(workspace: OpenedWorkspace, content: HistoryList) -> HistoryListed:
    """Versions, the newest first; what is there now is one of them."""
    versions = _of(workspace)
    if not content.skip:
        await workspace.checkpoints.keep_now()
    skip, maximum = max(content.skip, 0), min(max(content.maximum, 1), LISTED)
    found = await _beside(versions.repository.versions, skip, maximum + 1, content.path)
    records = (VersionRecord(one.id, one.author.name, one.author.account, one.at, one.message) for one in found)
    return HistoryListed(tuple(records)[:maximum], len(found) > maximum)


async def files_of(workspace: OpenedWorkspace, version: str) -> FileEntries:
    """The files of a version. Raises NotFound where there is none."""
    found = await _beside(_of(workspace).repository.files, version)
    return FileEntries(tuple(_entry(file) for file in found[:FILES]))


def _entry(file: StoredFile) -> FileEntry:
    path = file.path.encode("utf-8", "replace").decode()
    return FileEntry(path, "other" if file.mode == LINK else "file", file.size)


async def open_file(workspace: OpenedWorkspace, version: str, path: str) -> int:
    """A descriptor of what was in a file. Raises NotFound where there was none."""
    return await _beside(_open_file, _of(workspace), version, path)


def _open_file(versions: Versions, version: str, path: str) -> int:
    file = versions.repository.file(version, path)
    with tempfile.TemporaryFile() as copy:
        with versions.repository.contents([file]) as contents:
            for _, content in contents:
                while piece := content.read(1 << 18):
                    copy.write(piece)
        copy.flush()
        copy.seek(0)
        return os.dup(copy.fileno())


async def changes(workspace: OpenedWorkspace, content: VersionChanges) -> VersionChanged:
    """How two versions differ. Raises NotFound where there is no such version."""
    repository = _of(workspace).repository
    since = content.since or await _beside(repository.before, content.version)
    found = await _beside(repository.changes, since, content.version)
    return VersionChanged(
        since, tuple(FileChange(path.encode("utf-8", "replace").decode(), change) for path, change in found[:FILES])
    )


async def go_back(workspace: OpenedWorkspace, version: str, actor: Actor | None) -> WentBack:
    """Make the files and open worksheets what they were in a version; what was before is a version itself.

    :raises NotFound: there is no such version; SagewsError: it cannot be done.
    """
    versions = _of(workspace)
    await _beside(versions.repository.check, version)
    author = Author(actor.name or actor.account, actor.account) if actor is not None else Author("", "")
    return WentBack(await workspace.checkpoints.go_back(version, author))
