"""Publishing: reads the worksheets that are to be published, through the worker that has their workspace open."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

from sagews.backend.bulk import Bulk
from sagews.backend.call import Call
from sagews.errors import Conflict, MessageError, NotFound, OverLimit, TooLarge, Unavailable, UsageError
from sagews.messages.files import FileEntries, FileEntry, FileList, FileRead

MOST_BYTES = 32 * 2**20
"""Of all worksheets of a publication together."""
MOST_SHEETS = 200
MOST_FOLDERS = 500


@asynccontextmanager
async def transfer(call: Call, workspace: str) -> AsyncGenerator[Bulk]:
    """A bulk connection to the worker of a workspace in which the caller's right was checked.

    :raises OverLimit: the account has as many as it may.
    """
    try:
        with call.backend.transfers.one(call.who.account.id):
            opening = await call.backend.workers.open(workspace)
            async with call.backend.workers.bulk(opening) as connection:
                yield connection
    except UsageError as error:
        # The worker knows more about what can be a path than we do.
        raise NotFound(error.what, mend=error.what_to_do) from error


async def worksheets(call: Call, workspace: str, path: str) -> dict[str, bytes]:
    """The files of one worksheet, or (path "") of all those of a workspace, by path.

    :raises NotFound: there is no such file; Conflict: there is none at all.
    :raises OverLimit: there are too many; TooLarge: they are too large.
    """
    found: dict[str, bytes] = {}
    paths = [path] if path else await _paths(call, workspace)
    if len(paths) > MOST_SHEETS:
        raise OverLimit(f"There are more than {MOST_SHEETS} worksheets.", mend="Publish some of them by themselves.")
    if not paths:
        raise Conflict("There is no worksheet to publish.", mend="Make one first.")
    left = MOST_BYTES
    for one in paths:
        async with transfer(call, workspace) as connection:
            found[one] = await _read(connection, one, left)
        left -= len(found[one])
    return found


async def _paths(call: Call, workspace: str) -> list[str]:
    """The worksheets of a workspace, by path; nothing whose name begins with a dot."""
    folders, found, asked = [""], [], 0
    while folders:
        folder, asked = folders.pop(0), asked + 1
        if asked > MOST_FOLDERS:
            raise OverLimit(f"There are more than {MOST_FOLDERS} folders.", mend="Publish worksheets by themselves.")
        entries = await _entries(call, workspace, folder)
        shown = [one for one in entries if not one.path.rpartition("/")[2].startswith(".")]
        folders += [one.path for one in shown if one.kind == "folder"]
        found += [one.path for one in shown if one.kind == "file" and one.path.endswith(".ipynb")]
    return sorted(found)


async def _entries(call: Call, workspace: str, folder: str) -> list[FileEntry]:
    """All that is in a folder, however many answers that takes."""
    found: list[FileEntry] = []
    while True:
        async with transfer(call, workspace) as connection:
            answer = await connection.request(FileList(folder, start=len(found)))
        if not isinstance(answer, FileEntries):
            raise MessageError("The worker did not list the folder.")
        found += answer.entries
        if not answer.entries or len(found) >= answer.total:
            return found


async def _read(connection: Bulk, path: str, most: int) -> bytes:
    content = bytearray()
    try:
        async with aclosing(connection.read(FileRead(path))) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                content += piece
                if len(content) > most:
                    raise TooLarge(f"The worksheets have more than {MOST_BYTES // 2**20} MiB.", mend="Publish less.")
    except MessageError as error:
        if isinstance(error, TooLarge):
            raise
        raise Unavailable("The worker did not send the worksheet.") from error
    return bytes(content)
