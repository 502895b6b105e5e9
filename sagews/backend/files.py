"""Files of a workspace, and the whole output of a run: through the worker that has the workspace open."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Annotated, Literal

from pydantic import Field

from sagews.backend.bulk import Bulk
from sagews.backend.call import Call, Download
from sagews.backend.declaration import Operations, Query, Schema
from sagews.database.choices import Role
from sagews.errors import Conflict, MessageError, NotFound, UsageError
from sagews.messages.files import (
    FileDelete,
    FileEntries,
    FileEntry,
    FileImport,
    FileImported,
    FileList,
    FileRead,
    FileRename,
    FileWrite,
    FolderMake,
    FolderPack,
    OutputRead,
)
from sagews.messages.frame import Message
from sagews.messages.records import Actor

files = Operations("files")

LONGEST_PATH = 1000
Path = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH)]


class Folder(Query):
    """Which folder; "" = the top."""

    path: Annotated[str, Field(max_length=LONGEST_PATH)] = ""


class FolderPage(Folder):
    """Which part of what is in the folder: entries from `start`, at most `limit`, with `matching` in their names."""

    start: Annotated[int, Field(ge=0, le=10**9)] = 0
    limit: Annotated[int, Field(ge=1, le=5000)] = 1000
    matching: Annotated[str, Field(max_length=200)] = ""


class Writing(Query):
    """With `keep`, a file that is there already stays, and the request is refused."""

    keep: bool = False


class EntryAnswer(Schema):
    """A file or folder; `path` is relative to the workspace, `modified` Unix time in seconds."""

    path: str
    kind: Literal["file", "folder", "other"]
    size: int
    modified: float

    @classmethod
    def of(cls, entry: FileEntry) -> EntryAnswer:
        """The answer about what the worker told."""
        return cls(path=entry.path, kind=entry.kind, size=entry.size, modified=entry.modified)


class Entries(Schema):
    """What is in a folder: folders first, then by name; `total` counts all that match."""

    entries: list[EntryAnswer]
    total: int


class NewFolder(Schema):
    """Its path; the folders above it are made too."""

    path: Path


class NewPath(Schema):
    """The path that a file or folder gets; nothing may be there."""

    path: Path


class ToImport(Schema):
    """The path of a zip file, a program (`.py`, `.sage`) or a notebook of any version."""

    path: Path


class ImportAnswer(Schema):
    """What it became: a folder with so many files, or a worksheet."""

    path: str
    files: int


def checked(path: str) -> str:
    """A path in a workspace, as it was.

    :raises NotFound: it leads out of the workspace, or can be no path.
    """
    parts = path.split("/")
    if path and (any(part in ("", ".", "..") for part in parts) or "\x00" in path or len(path) > LONGEST_PATH):
        raise NotFound("That is no path in a workspace.", mend="Paths look like `folder/file.ipynb`, without `..`.")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise NotFound("The path has half a character in it (a lone surrogate).") from error
    return path


@asynccontextmanager
async def bulk(call: Call, needed: Role) -> AsyncGenerator[Bulk]:
    """A bulk connection to the worker of the path's workspace, for the time of the block.

    :raises OverLimit: the account has as many as it may.
    """
    workspace = await call.workspace(needed)
    try:
        with call.backend.transfers.one(call.who.account.id):
            opening = await call.backend.workers.open(workspace)
            async with call.backend.workers.bulk(opening) as connection:
                if needed is not Role.READER:
                    connection.act(Actor(call.who.account.id, call.who.account.name, "collaborator"))
                yield connection
    except UsageError as error:
        # The worker knows more about what can be a path than we do.
        raise NotFound(error.what, mend=error.what_to_do) from error


@files.declare("GET", "/api/workspaces/{workspace}/files", query=FolderPage, answer=Entries, refuses=(NotFound,))
async def list_files(call: Call) -> Entries:
    """List a folder of a workspace, a page at a time."""
    asked = call.query(FolderPage)
    async with bulk(call, Role.READER) as connection:
        answer = await connection.request(FileList(checked(asked.path), asked.start, asked.limit, asked.matching))
    if not isinstance(answer, FileEntries):
        raise MessageError("The worker did not list the folder.")
    return Entries(entries=[EntryAnswer.of(entry) for entry in answer.entries], total=answer.total)


@files.declare("POST", "/api/workspaces/{workspace}/files", body=NewFolder, status=204, refuses=(NotFound, Conflict))
async def make_folder(call: Call) -> None:
    """Make a folder, and those above it."""
    path = checked(call.body(NewFolder).path)
    async with bulk(call, Role.COLLABORATOR) as connection:
        await connection.request(FolderMake(path))


@files.declare(
    "GET",
    "/api/workspaces/{workspace}/files/{path}",
    sends="application/octet-stream",
    refuses=(NotFound, Conflict),
)
async def read_file(call: Call) -> Download:
    """Read a file. The path may have slashes."""
    path = checked(call.path["path"])
    pieces = await begun(bulk(call, Role.READER), FileRead(path))
    return Download(pieces, "application/octet-stream", path.rpartition("/")[2])


@files.declare(
    "PUT",
    "/api/workspaces/{workspace}/files/{path}",
    query=Writing,
    takes_file=True,
    status=204,
    refuses=(NotFound, Conflict),
)
async def write_file(call: Call) -> None:
    """Write a file, whole: it takes its place when all of it is here."""
    path = checked(call.path["path"])
    if call.pieces is None:
        raise UsageError("There is no body.")
    async with bulk(call, Role.COLLABORATOR) as connection:
        await connection.write(FileWrite(path, call.size, call.query(Writing).keep), call.pieces)


@files.declare("DELETE", "/api/workspaces/{workspace}/files/{path}", status=204, refuses=(NotFound,))
async def delete_file(call: Call) -> None:
    """Delete a file, or a folder with all that is in it."""
    path = checked(call.path["path"])
    async with bulk(call, Role.COLLABORATOR) as connection:
        await connection.request(FileDelete(path))


@files.declare(
    "PATCH", "/api/workspaces/{workspace}/files/{path}", body=NewPath, status=204, refuses=(NotFound, Conflict)
)
async def rename_file(call: Call) -> None:
    """Give a file or folder another path."""
    path, to = checked(call.path["path"]), checked(call.body(NewPath).path)
    async with bulk(call, Role.COLLABORATOR) as connection:
        await connection.request(FileRename(path, to))


@files.declare(
    "GET", "/api/workspaces/{workspace}/archive", query=Folder, sends="application/zip", refuses=(NotFound, Conflict)
)
async def read_archive(call: Call) -> Download:
    """Read a folder, or the whole workspace, as a zip file. Open worksheets are written first."""
    path = checked(call.query(Folder).path)
    pieces = await begun(bulk(call, Role.READER), FolderPack(path))
    name = path.rpartition("/")[2] or (await call.backend.store.workspaces.get(call.path["workspace"])).name
    return Download(pieces, "application/zip", f"{name.replace('/', '-')}.zip")


@files.declare(
    "POST",
    "/api/workspaces/{workspace}/imports",
    body=ToImport,
    answer=ImportAnswer,
    status=201,
    refuses=(NotFound, Conflict),
)
async def import_file(call: Call) -> ImportAnswer:
    """Unpack a zip file into a folder beside it, or make a worksheet of a program. The file itself stays."""
    path = checked(call.body(ToImport).path)
    async with bulk(call, Role.COLLABORATOR) as connection:
        try:
            answer = await connection.request(FileImport(path))
        except UsageError as error:
            # It is there, but what is in it cannot be taken.
            raise Conflict(error.what, mend=error.what_to_do) from error
    if not isinstance(answer, FileImported):
        raise MessageError("The worker did not import the file.")
    return ImportAnswer(path=answer.path, files=answer.files)


@files.declare("GET", "/api/workspaces/{workspace}/runs/{run}/output", sends="text/plain", refuses=(NotFound,))
async def read_output(call: Call) -> Download:
    """Read all text that a run wrote, also what pages do not show."""
    run = call.path["run"]
    pieces = await begun(bulk(call, Role.READER), OutputRead(), run=run)
    return Download(pieces, "text/plain; charset=utf-8", f"output-{run}.txt")


async def begun(
    connection: AbstractAsyncContextManager[Bulk], content: Message, run: str = ""
) -> AsyncGenerator[bytes]:
    """A file's pieces, of which the first is here already: what is refused is refused before anything is answered."""

    async def pieces() -> AsyncGenerator[bytes]:
        async with connection as open_connection:
            async for piece in open_connection.read(content, run):
                yield piece

    reading = pieces()
    first = await anext(reading, b"")

    async def all_of_it() -> AsyncGenerator[bytes]:
        async with aclosing(reading):
            yield first
            async for piece in reading:
                yield piece

    return all_of_it()
