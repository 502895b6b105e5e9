"""Uploads: large files in parts, over as many requests as it takes; what has come stays when a connection breaks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Query, Schema
from sagews.backend.files import LONGEST_PATH, bulk, checked
from sagews.database.choices import Role
from sagews.errors import Conflict, MessageError, NotFound, UsageError
from sagews.messages.files import UploadAsk, UploadBegin, UploadCancel, UploadState, UploadWrite, too_large
from sagews.messages.frame import Message

uploads = Operations("uploads")


def _whole(value: object) -> object:
    """1.0 is a whole number in JSON, which has one kind only (JSON Schema, section 4.2.3)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class NewUpload(Schema):
    """A file of so many bytes will come. With `keep`, a file that is there already stays, and this is refused."""

    path: Annotated[str, Field(min_length=1, max_length=LONGEST_PATH)]
    size: Annotated[int, Field(ge=0, le=2**53 - 1), BeforeValidator(_whole)]
    keep: bool = False


class UploadAnswer(Schema):
    """So many bytes of the file are here; `finished`: it is in its place, and the upload is over."""

    id: str
    path: str
    size: int
    received: int
    finished: bool

    @classmethod
    def of(cls, state: Message) -> UploadAnswer:
        """The answer about what the worker told."""
        if not isinstance(state, UploadState):
            raise MessageError("The worker did not tell about the upload.")
        return cls(id=state.upload, path=state.path, size=state.size, received=state.received, finished=state.finished)


class Offset(Query):
    """Where in the file the body belongs: at the end of what is here."""

    offset: Annotated[int, Field(ge=0, le=2**53 - 1)]


@uploads.declare(
    "POST",
    "/api/workspaces/{workspace}/uploads",
    body=NewUpload,
    answer=UploadAnswer,
    status=201,
    refuses=(NotFound, Conflict),
)
async def begin_upload(call: Call) -> UploadAnswer:
    """Begin an upload. A file that would not be taken in the end is refused now."""
    given = call.body(NewUpload)
    maximum = call.backend.configuration.backend.maximum_upload_bytes
    if given.size > maximum:
        raise too_large(given.path, given.size, maximum)
    async with bulk(call, Role.COLLABORATOR) as connection:
        return UploadAnswer.of(await connection.request(UploadBegin(checked(given.path), given.size, given.keep)))


@uploads.declare(
    "GET", "/api/workspaces/{workspace}/uploads/{upload}", answer=UploadAnswer, refuses=(NotFound, Conflict)
)
async def show_upload(call: Call) -> UploadAnswer:
    """Tell how much of an upload is here."""
    async with bulk(call, Role.COLLABORATOR) as connection:
        return UploadAnswer.of(await connection.request(UploadAsk(call.path["upload"])))


@uploads.declare(
    "PUT",
    "/api/workspaces/{workspace}/uploads/{upload}",
    query=Offset,
    takes_file=True,
    answer=UploadAnswer,
    refuses=(NotFound, Conflict),
)
async def write_upload(call: Call) -> UploadAnswer:
    """Send the next part of an upload, of any length. With the last one the file takes its place."""
    if call.pieces is None:
        raise UsageError("There is no body.")
    part = UploadWrite(call.path["upload"], call.query(Offset).offset, call.size)
    async with bulk(call, Role.COLLABORATOR) as connection:
        return UploadAnswer.of(await connection.write(part, call.pieces))


@uploads.declare("DELETE", "/api/workspaces/{workspace}/uploads/{upload}", status=204, refuses=(NotFound,))
async def cancel_upload(call: Call) -> None:
    """Throw away what has come of an upload."""
    async with bulk(call, Role.COLLABORATOR) as connection:
        await connection.request(UploadCancel(call.path["upload"]))
