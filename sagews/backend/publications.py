"""Publications: what people show to everybody, as static pages."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import Annotated

from pydantic import Field

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Query, Schema
from sagews.backend.files import LONGEST_PATH, checked
from sagews.backend.publishing import transfer, worksheets
from sagews.backend.workspaces import WorkspaceAnswer, make_owned
from sagews.database.choices import Role
from sagews.database.clock import utc_now
from sagews.database.publications import Content, Publication, Version
from sagews.errors import Conflict, NotAllowed, NotFound, UsageError
from sagews.messages.files import FileWrite
from sagews.workspace.rendering.frames import Facts

log = logging.getLogger(__name__)

publications = Operations("publications")


class PublicationAnswer(Schema):
    """A publication: one worksheet (`path`), or ("") all those of a workspace. `address` is where its pages are.

    `listed`: it is in the list of everything; else only who knows the address finds it.
    """

    id: str
    address: str
    title: str
    author: str
    workspace: str | None
    path: str
    listed: bool
    withdrawn: bool
    version: int
    created: str
    changed: str

    @classmethod
    def of(cls, publication: Publication) -> PublicationAnswer:
        """The answer about a stored publication."""
        return cls(
            id=publication.id,
            address=f"/published/{publication.id}/",
            title=publication.title,
            author=publication.author,
            workspace=publication.workspace,
            path=publication.path,
            listed=publication.listed,
            withdrawn=publication.withdrawn is not None,
            version=publication.version,
            created=publication.created.isoformat(),
            changed=publication.changed.isoformat(),
        )


class PublicationList(Schema):
    """The one changed last first."""

    publications: list[PublicationAnswer]


class NewPublication(Schema):
    """What is published: the path of a worksheet; "" = all worksheets of the workspace. By its file, as it is now."""

    path: Annotated[str, Field(max_length=LONGEST_PATH, pattern=r"^([^\x00]*\.ipynb)?$")]
    listed: bool


class PublicationChange(Schema):
    """What is to be different; null = nothing."""

    listed: bool | None = None
    withdrawn: bool | None = None


class VersionAnswer(Schema):
    """A version; the newest is the one that is shown."""

    version: int
    title: str
    at: str
    size: int

    @classmethod
    def of(cls, version: Version) -> VersionAnswer:
        """The answer about a stored version."""
        return cls(version=version.version, title=version.title, at=version.at.isoformat(), size=version.size_bytes)


class VersionList(Schema):
    """The newest first."""

    versions: list[VersionAnswer]


class Search(Query):
    """Words, each of which is in the title, the author's name or the text."""

    text: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class CopyTo(Schema):
    """Name of the new workspace; "" = the title of the publication."""

    name: Annotated[str, Field(max_length=200)] = ""


@publications.declare("GET", "/api/publications", open_to_all=True, query=Search, answer=PublicationList)
async def find_publications(call: Call) -> PublicationList:
    """Search what is listed."""
    asked = call.query(Search)
    return _list(await call.backend.store.publications.listed(asked.text, asked.limit))


@publications.declare("GET", "/api/me/publications", answer=PublicationList)
async def list_own_publications(call: Call) -> PublicationList:
    """List what one has published."""
    return _list(await call.backend.store.publications.of_account(call.who.account.id))


@publications.declare("GET", "/api/workspaces/{workspace}/publications", answer=PublicationList, refuses=(NotFound,))
async def list_publications(call: Call) -> PublicationList:
    """List what was published of a workspace (collaborator)."""
    return _list(await call.backend.store.publications.of_workspace(await call.workspace(Role.COLLABORATOR)))


@publications.declare(
    "POST",
    "/api/workspaces/{workspace}/publications",
    body=NewPublication,
    answer=PublicationAnswer,
    status=201,
    refuses=(NotFound, Conflict, UsageError),
)
async def publish(call: Call) -> PublicationAnswer:
    """Publish worksheets of a workspace as static pages (owner, whose account type allows it)."""
    workspace, given, store = await call.workspace(Role.OWNER), call.body(NewPublication), call.backend.store
    path = checked(given.path)
    await _require_may_publish(call)
    account, publication = call.who.account, store.publications.new_id()
    content = await _content(call, workspace, path, publication, 1, listed=given.listed)
    await store.publications.publish(publication, account.id, workspace, path, content, listed=given.listed)
    await _note(call, "published", publication, workspace)
    return await _laid_out(call, publication)


@publications.declare(
    "GET", "/api/publications/{publication}", open_to_all=True, answer=PublicationAnswer, refuses=(NotFound,)
)
async def show_publication(call: Call) -> PublicationAnswer:
    """Tell about a publication that is not withdrawn, to whoever knows its id."""
    return PublicationAnswer.of(await _shown(call))


@publications.declare("GET", "/api/publications/{publication}/versions", answer=VersionList, refuses=(NotFound,))
async def list_versions(call: Call) -> VersionList:
    """List the versions of a publication (its author, an owner of its workspace, an operator)."""
    publication = await _own(call)
    found = await call.backend.store.publications.versions(publication.id)
    return VersionList(versions=[VersionAnswer.of(one) for one in found])


@publications.declare(
    "POST",
    "/api/publications/{publication}/versions",
    answer=PublicationAnswer,
    status=201,
    refuses=(NotFound, Conflict, UsageError),
)
async def publish_again(call: Call) -> PublicationAnswer:
    """Publish the worksheets of a publication as they are now; the versions before are kept.

    By its author, who is a collaborator still, or by an owner of the workspace. What was withdrawn is shown again.
    """
    publication, store = await _own(call), call.backend.store
    await _require_may_publish(call)
    if publication.workspace is None:
        raise Conflict("The workspace of this publication is deleted.", mend="Publish another one.")
    await store.permissions.require(publication.workspace, call.who.account.id, Role.COLLABORATOR)
    content = await _content(
        call,
        publication.workspace,
        publication.path,
        publication.id,
        publication.version + 1,
        listed=publication.listed,
    )
    await store.publications.publish_again(publication.id, content)
    await _note(call, "published_again", publication.id, publication.workspace)
    return await _laid_out(call, publication.id)


@publications.declare(
    "PATCH",
    "/api/publications/{publication}",
    body=PublicationChange,
    answer=PublicationAnswer,
    refuses=(NotFound,),
)
async def change_publication(call: Call) -> PublicationAnswer:
    """List a publication or not; withdraw it or show it again (its author, an owner of its workspace, an operator).

    To list it or show it again, its author has to be a collaborator of the workspace still, where that exists.
    """
    publication, change = await _own(call), call.body(PublicationChange)
    if change.withdrawn is False or change.listed:
        await _require_is_member_still(call, publication)
    if change.withdrawn is False:
        await _require_may_publish(call)
    await call.backend.store.publications.change(publication.id, listed=change.listed, withdrawn=change.withdrawn)
    await _note(call, "publication_changed", publication.id, publication.workspace)
    return await _laid_out(call, publication.id)


@publications.declare("DELETE", "/api/publications/{publication}", status=204, refuses=(NotFound,))
async def delete_publication(call: Call) -> None:
    """Delete a publication with all its versions, for good (its author, an owner of its workspace, an operator)."""
    publication = await _own(call)
    await call.backend.store.publications.delete(publication.id)
    await _lay_out(call)
    await _note(call, "publication_deleted", publication.id, publication.workspace)


@publications.declare(
    "POST",
    "/api/publications/{publication}/copy",
    body=CopyTo,
    answer=WorkspaceAnswer,
    status=201,
    refuses=(NotFound, Conflict),
)
async def copy_publication(call: Call) -> WorkspaceAnswer:
    """Copy the worksheets of a publication into a new workspace of one's own."""
    publication, store = await _shown(call), call.backend.store
    sheets = await store.publications.pages(publication.id, publication.version, sources=True)
    workspace = await make_owned(call, call.body(CopyTo).name or await _free_name(call, publication.title))
    for sheet in sheets:
        async with transfer(call, workspace.id) as connection:
            await connection.write(FileWrite(sheet.source, len(sheet.content)), _whole(sheet.content))
    await _note(call, "publication_copied", publication.id, workspace.id)
    return WorkspaceAnswer.of(workspace, Role.OWNER)


async def _content(call: Call, workspace: str, path: str, publication: str, version: int, *, listed: bool) -> Content:
    sheets = await worksheets(call, workspace, path)
    title = "" if path else (await call.backend.store.workspaces.get(workspace)).name
    facts = Facts(publication, version, title, call.who.account.name, utc_now(), listed)
    return await call.backend.rendering.render(sheets, facts, whole=not path)


async def _lay_out(call: Call) -> None:
    """Show here what is published; other machines hear of it and follow."""
    try:
        await call.backend.published.lay_out()
    except OSError as error:
        # It is tried again; what the database has is what is published.
        log.warning("Published pages not laid out", extra={"action": "not_laid_out", "what": str(error)})
        call.backend.published.look()


async def _laid_out(call: Call, publication: str) -> PublicationAnswer:
    """Once it is shown here."""
    await _lay_out(call)
    return PublicationAnswer.of(await call.backend.store.publications.get(publication))


async def _shown(call: Call) -> Publication:
    publication = await call.backend.store.publications.get(call.path["publication"])
    if publication.withdrawn is not None:
        raise NotFound("There is no such publication.", mend="It may have been withdrawn.")
    return publication


async def _own(call: Call) -> Publication:
    """The path's publication, if the caller may change it.

    :raises NotFound: there is none; NotAllowed: it is somebody else's.
    """
    publication, account = await call.backend.store.publications.get(call.path["publication"]), call.who.account.id
    if publication.account == account or call.who.is_operator:
        return publication
    permissions = call.backend.store.permissions
    if publication.workspace and await permissions.role(publication.workspace, account) is Role.OWNER:
        return publication
    if publication.withdrawn is not None:
        raise NotFound("There is no such publication.")
    raise NotAllowed("It was published by somebody else.", mend="Ask its author.")


async def _require_is_member_still(call: Call, publication: Publication) -> None:
    """:raises NotAllowed: the caller left the workspace, or was removed, and what is shown of it grows no more."""
    if publication.workspace is None or call.who.is_operator:
        return
    # Also of a workspace that is deleted, as long as it can be restored.
    members = await call.backend.store.permissions.of_workspace(publication.workspace)
    role = next((one.role for one in members if one.account == call.who.account.id), None)
    if role is None or not role.includes(Role.COLLABORATOR):
        raise NotAllowed("You are no collaborator of its workspace any more.", mend="Ask an owner of the workspace.")


async def _require_may_publish(call: Call) -> None:
    """:raises NotAllowed: the caller's account type does not let them publish."""
    limits = await call.backend.store.account_types.of_account(call.who.account.id)
    if not limits.may_publish:
        raise NotAllowed("Your account may not publish.", mend="Ask the site's operator.")


async def _free_name(call: Call, title: str) -> str:
    """The title, with a number where the caller has a workspace of that name."""
    account = call.who.account.id
    found = await call.backend.store.workspaces.of_account(account)
    taken = {one.workspace.name for one in found if one.workspace.owner == account}
    numbers = (f"{title[:190]} {number}" for number in range(2, len(taken) + 3))
    return next(name for name in (title, *numbers) if name not in taken)


async def _whole(content: bytes) -> AsyncGenerator[bytes]:
    yield content


def _list(found: list[Publication]) -> PublicationList:
    return PublicationList(publications=[PublicationAnswer.of(one) for one in found])


async def _note(call: Call, action: str, publication: str, workspace: str | None) -> None:
    await call.backend.store.activity.note(
        action, account=call.who.account.id, workspace=workspace, details={"publication": publication}
    )
