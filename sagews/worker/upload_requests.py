"""What is asked for about files that come into a workspace: whether they may, in parts, or as what they become.

Invariant: a file that would not be taken in the end is refused before any of it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sagews.messages import files as messages
from sagews.worker.file_names import check_new
from sagews.worker.imports import Imports
from sagews.worker.open_workspace import OpenedWorkspace
from sagews.worker.settings import WorkerSettings
from sagews.worker.unpacking import Bounds

TakePieces = Callable[[int, Callable[[bytes], object]], Awaitable[None]]
"""Takes so many bytes from the peer, and hands each piece on."""


def check(workspace: OpenedWorkspace, asked: messages.FileWrite | messages.UploadBegin) -> None:
    """Look whether a file of this name and size is taken at all.

    :raises UsageError: it may not have this name; TooLarge: it is larger than files may be.
    """
    check_new(asked.path)
    maximum = workspace.limits.file_bytes
    if maximum and asked.size > maximum:
        raise messages.too_large(asked.path, asked.size, maximum)


async def begin(workspace: OpenedWorkspace, asked: messages.UploadBegin) -> messages.UploadState:
    """A new upload. Raises, besides, OverLimit where the workspace has no room for the file."""
    check(workspace, asked)
    await workspace.disk.check_room(asked.path, asked.size + workspace.uploads.expected_bytes)
    return workspace.uploads.begin(asked)


async def write(workspace: OpenedWorkspace, asked: messages.UploadWrite, take: TakePieces) -> messages.UploadState:
    """The next part of an upload; with the last one the file takes its place.

    :raises OverLimit: there is no room for it any more.
    """
    with workspace.uploads.part(asked.upload, asked.offset, asked.size) as part:
        await take(asked.size, part.write)
    state = workspace.uploads.state(asked.upload)
    if state.received < state.size:
        return state
    async with workspace.disk.room_for(state.path, state.size):
        return await asyncio.to_thread(workspace.uploads.finish, asked.upload)


async def take_in(
    workspace: OpenedWorkspace, asked: messages.FileImport, settings: WorkerSettings
) -> messages.FileImported:
    """What a file becomes."""
    bounds = Bounds(settings.unpacked_files, settings.unpacked_bytes, workspace.limits.file_bytes)
    await workspace.disk.check_room(asked.path, 0)
    room = workspace.disk.room_bytes
    if room is not None:
        bounds = replace(bounds, total_bytes=min(bounds.total_bytes, room))
    imports = Imports(workspace.files, workspace.uploads.folder, bounds)
    try:
        return await asyncio.to_thread(imports.take, asked.path)
    finally:
        workspace.disk.changed()
