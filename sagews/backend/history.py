"""The versions of a workspace: list, look at, compare, name, go back; and all of them as a git bundle."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from sagews.backend.bulk import Bulk
from sagews.backend.call import Call, Download
from sagews.backend.declaration import Operations, Query, Schema
from sagews.backend.file_comparison import Comparison, compared
from sagews.backend.files import LONGEST_PATH, Entries, EntryAnswer, begun, bulk, checked
from sagews.database.choices import Role
from sagews.errors import MessageError, NotFound
from sagews.messages.files import FileEntries
from sagews.messages.history import (
    BundleRead,
    GoBack,
    HistoryList,
    HistoryListed,
    VersionChanged,
    VersionChanges,
    VersionFiles,
    VersionRead,
    WentBack,
)

history = Operations("history")

VERSION = re.compile(r"[0-9a-f]{40}")
MOST = 200


class Part(Query):
    """Which part of the list, and of which file or folder ("" = all)."""

    skip: Annotated[int, Field(ge=0, le=10**6)] = 0
    maximum: Annotated[int, Field(ge=1, le=MOST)] = 50
    path: Annotated[str, Field(max_length=LONGEST_PATH)] = ""


class Since(Query):
    """The version to compare with; "" = the one before."""

    since: Annotated[str, Field(max_length=40)] = ""


class VersionAnswer(Schema):
    """A version: `id` is its commit, `at` Unix time in seconds, `name` what somebody called it ("" = nothing)."""

    id: str
    author: str
    account: str
    at: int
    message: str
    name: str


class VersionList(Schema):
    """The newest first; `more`: there are older ones."""

    versions: list[VersionAnswer]
    more: bool


class ChangeAnswer(Schema):
    """How a file differs."""

    path: str
    change: Literal["added", "changed", "deleted"]


class Changes(Schema):
    """How the files of a version differ from those of `since` ("" = there was no version before it)."""

    since: str
    changes: list[ChangeAnswer]


class VersionChange(Schema):
    """What the version is called; "" = nothing any more."""

    name: Annotated[str, Field(max_length=200)]


class NewVersion(Schema):
    """The version that going back has made; "" = nothing was different."""

    version: str


def version_of(call: Call) -> str:
    """The version in the path. Raises NotFound where it can be none."""
    return checked_version(call.path["version"])


def checked_version(version: str) -> str:
    """The same. Raises NotFound where it can be none."""
    if not VERSION.fullmatch(version):
        raise NotFound("There is no such version of this workspace.")
    return version


async def changes_of(connection: Bulk, version: str, since: str) -> VersionChanged:
    """How a version differs from another one, or ("") from the one before."""
    answer = await connection.request(VersionChanges(version, since and checked_version(since)))
    if not isinstance(answer, VersionChanged):
        raise MessageError("The worker did not tell the differences.")
    return answer


@history.declare("GET", "/api/workspaces/{workspace}/history", query=Part, answer=VersionList, refuses=(NotFound,))
async def list_versions(call: Call) -> VersionList:
    """List the versions of a workspace. What is there now is one of them."""
    part = call.query(Part)
    async with bulk(call, Role.READER) as connection:
        answer = await connection.request(HistoryList(part.skip, part.maximum, checked(part.path)))
    if not isinstance(answer, HistoryListed):
        raise MessageError("The worker did not list the versions.")
    names = await call.backend.store.version_names.of_workspace(call.path["workspace"])
    return VersionList(
        versions=[
            VersionAnswer(
                id=one.version,
                author=one.author,
                account=one.account,
                at=one.at,
                message=one.message,
                name=names[one.version].name if one.version in names else "",
            )
            for one in answer.versions
        ],
        more=answer.more,
    )


@history.declare("GET", "/api/workspaces/{workspace}/history/{version}/files", answer=Entries, refuses=(NotFound,))
async def list_version_files(call: Call) -> Entries:
    """List all files of a version."""
    version = version_of(call)
    async with bulk(call, Role.READER) as connection:
        answer = await connection.request(VersionFiles(version))
    if not isinstance(answer, FileEntries):
        raise MessageError("The worker did not list the files.")
    return Entries(entries=[EntryAnswer.of(entry) for entry in answer.entries], total=len(answer.entries))


@history.declare(
    "GET",
    "/api/workspaces/{workspace}/history/{version}/files/{path}",
    sends="application/octet-stream",
    refuses=(NotFound,),
)
async def read_version_file(call: Call) -> Download:
    """Read a file of a version. The path may have slashes."""
    version, path = version_of(call), checked(call.path["path"])
    pieces = await begun(bulk(call, Role.READER), VersionRead(version, path))
    return Download(pieces, "application/octet-stream", path.rpartition("/")[2])


@history.declare(
    "GET",
    "/api/workspaces/{workspace}/history/{version}/changes",
    query=Since,
    answer=Changes,
    refuses=(NotFound,),
)
async def list_changes(call: Call) -> Changes:
    """Tell which files differ between a version and another one."""
    version = version_of(call)
    async with bulk(call, Role.READER) as connection:
        answer = await changes_of(connection, version, call.query(Since).since)
    return Changes(
        since=answer.since, changes=[ChangeAnswer(path=one.path, change=one.change) for one in answer.changes]
    )


@history.declare(
    "GET",
    "/api/workspaces/{workspace}/history/{version}/comparison/{path}",
    query=Since,
    answer=Comparison,
    refuses=(NotFound,),
)
async def compare_file(call: Call) -> Comparison:
    """Compare a file of a version with the same file of another one: worksheets by their cells, text by its lines."""
    version, path, since = version_of(call), checked(call.path["path"]), call.query(Since).since
    async with bulk(call, Role.READER) as connection:
        since = checked_version(since) if since else (await changes_of(connection, version, "")).since
    old = await _content(call, since, path) if since else None
    return await compared(path, old, await _content(call, version, path), since)


async def _content(call: Call, version: str, path: str) -> bytes | None:
    """A file of a version, as far as it can be compared; None = it had none."""
    data = b""
    try:
        async with bulk(call, Role.READER) as connection:
            async for piece in connection.read(VersionRead(version, path)):
                data += piece
                if len(data) > Comparison.MOST_BYTES:
                    break
    except NotFound:
        return None
    return data


@history.declare(
    "PATCH", "/api/workspaces/{workspace}/history/{version}", body=VersionChange, status=204, refuses=(NotFound,)
)
async def name_version(call: Call) -> None:
    """Call a version something, or nothing any more (collaborator)."""
    version, name = version_of(call), call.body(VersionChange).name
    workspace, names = await call.workspace(Role.COLLABORATOR), call.backend.store.version_names
    if not name.strip():
        await names.take(workspace, version)
        return
    async with bulk(call, Role.COLLABORATOR) as connection:
        await connection.request(VersionFiles(version))  # there is such a version
    await names.give(workspace, version, name, call.who.account.id)


@history.declare(
    "POST", "/api/workspaces/{workspace}/history/{version}/restore", answer=NewVersion, refuses=(NotFound,)
)
async def go_back(call: Call) -> NewVersion:
    """Make files and worksheets what they were in a version, as a new version (collaborator). Nothing is lost."""
    version = version_of(call)
    async with bulk(call, Role.COLLABORATOR) as connection:
        answer = await connection.request(GoBack(version))
    if not isinstance(answer, WentBack):
        raise MessageError("The worker did not go back.")
    return NewVersion(version=answer.version)


@history.declare("GET", "/api/workspaces/{workspace}/bundle", sends="application/octet-stream", refuses=(NotFound,))
async def read_bundle(call: Call) -> Download:
    """Read all versions of a workspace as one git bundle, which `git clone` accepts."""
    workspace = await call.backend.store.workspaces.get(await call.workspace(Role.READER))
    pieces = await begun(bulk(call, Role.READER), BundleRead())
    return Download(pieces, "application/octet-stream", f"{workspace.name}.bundle".replace("/", "-"))
