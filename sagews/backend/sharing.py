"""Sharing a workspace: with people who are known here, by invitation, and giving it away."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.backend.links import join_link, mailed_origin
from sagews.backend.mail import ADDRESS, is_address
from sagews.backend.workspaces import PermissionAnswer, WorkspaceAnswer
from sagews.database.choices import Role
from sagews.database.invitations import Invitation, NewInvitation
from sagews.errors import Conflict, NotAllowed, NotFound, OverLimit, Unavailable, UsageError

log = logging.getLogger(__name__)

sharing = Operations("sharing")

LONGEST_NAME = 200
MOST_USES = 1000
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f]*$")]
Secret = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class NewMember(Schema):
    """Who gets a role: the name or address by which they sign in."""

    name: Name
    role: Literal["owner", "collaborator", "reader"]


class NewInvitationBody(Schema):
    """A link for others. `address`: for whom it is; "" = for whoever gets it. `uses`: null = any number.

    `days`: null = as long as the site lets one be good.
    """

    role: Literal["collaborator", "reader"]
    address: Annotated[str, Field(max_length=LONGEST_NAME, pattern=rf"^({ADDRESS})?$")] = ""
    # To JSON Schema, 2.0 is an integer; to strict reading, it is none.
    uses: Annotated[float, Field(ge=1, le=MOST_USES, multiple_of=1)] | None = 1
    days: Annotated[float, Field(gt=0, le=365)] | None = None


class InvitationAnswer(Schema):
    """An invitation, without its link."""

    id: str
    role: Literal["owner", "collaborator", "reader"] | None
    address: str
    created: str
    expires: str
    uses_left: int | None

    @classmethod
    def of(cls, invitation: Invitation) -> InvitationAnswer:
        """The answer about a stored invitation."""
        return cls(
            id=invitation.id,
            role=invitation.role.value if invitation.role else None,
            address=invitation.address,
            created=invitation.created.isoformat(),
            expires=invitation.expires.isoformat(),
            uses_left=invitation.uses_left,
        )


class MadeInvitation(Schema):
    """The link is told this once. `mailed`: it was sent to the address too."""

    invitation: InvitationAnswer
    link: str
    mailed: bool


class InvitationList(Schema):
    """Those that are good, the newest first."""

    invitations: list[InvitationAnswer]


class Shared(Schema):
    """One of the two: somebody who is known here has the role now; somebody else is invited."""

    member: PermissionAnswer | None
    invited: MadeInvitation | None


class NewOwner(Schema):
    """The id of the account that gets the workspace; it has a role in it already."""

    account: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class InvitationSecret(Schema):
    """What stands behind the # of a link."""

    secret: Secret


class InvitationShown(Schema):
    """What somebody is invited to; `workspace` is null where it is the site only."""

    workspace: str | None
    role: Literal["owner", "collaborator", "reader"] | None
    invited_by: str
    address: str
    expires: str


class Accepted(Schema):
    """The workspace that the caller has a role in now; null where the invitation is to the site only."""

    workspace: WorkspaceAnswer | None


@sharing.declare(
    "POST",
    "/api/workspaces/{workspace}/members",
    body=NewMember,
    answer=Shared,
    refuses=(NotFound, Conflict, UsageError),
)
async def add_member(call: Call) -> Shared:
    """Share a workspace with somebody (owner).

    Whoever signs in by this name gets the role at once. Where nobody does and it is an address, an invitation for it
    is made, and mailed where the site sends mail.
    """
    workspace = await call.workspace(Role.OWNER)
    given, store = call.body(NewMember), call.backend.store
    try:
        account = await store.identities.account_of(given.name)
    except NotFound as error:
        return Shared(member=None, invited=await _invite_unknown(call, workspace, given, error))
    if account.disabled:
        raise Conflict(f"The account of {given.name} is disabled.", mend="Choose somebody else.")
    await store.permissions.grant(workspace, account.id, Role(given.role))
    await store.listings.changed(workspace, account.id)
    await _note(call, "shared", workspace, account=account.id, role=given.role)
    return Shared(member=PermissionAnswer(account=account.id, name=account.name, role=given.role), invited=None)


@sharing.declare("POST", "/api/workspaces/{workspace}/leave", status=204, refuses=(NotFound, Conflict))
async def leave_workspace(call: Call) -> None:
    """Give one's own role in a workspace up. Its owner hands it over first."""
    workspace, account, store = await call.workspace(Role.READER), call.who.account.id, call.backend.store
    if (await store.workspaces.get(workspace)).owner == account:
        raise Conflict("The workspace is yours.", mend="Make somebody else its owner first, or delete it.")
    await store.permissions.leave(workspace, account)
    await store.listings.changed(workspace, account)
    await _note(call, "left", workspace)


@sharing.declare(
    "POST",
    "/api/workspaces/{workspace}/transfer",
    body=NewOwner,
    answer=WorkspaceAnswer,
    refuses=(NotFound, Conflict),
)
async def transfer_workspace(call: Call) -> WorkspaceAnswer:
    """Make another member the owner of a workspace (its owner only, who is a collaborator then).

    It counts among the workspaces of the new owner, whose limits hold in it from its next opening on.
    """
    workspace, to, store = await call.workspace(Role.OWNER), call.body(NewOwner).account, call.backend.store
    account = call.who.account.id
    if (await store.workspaces.get(workspace)).owner != account:
        raise NotAllowed("Only the account whose workspace it is can give it away.", mend="Ask them.")
    if to == account:
        raise Conflict("The workspace is yours already.")
    await store.ownership.transfer(workspace, account, to)
    await store.listings.changed(workspace)
    await _note(call, "transferred", workspace, account=to)
    return WorkspaceAnswer.of(await store.workspaces.get(workspace), Role.COLLABORATOR)


@sharing.declare(
    "POST",
    "/api/workspaces/{workspace}/invitations",
    body=NewInvitationBody,
    answer=MadeInvitation,
    status=201,
    refuses=(NotFound, UsageError),
)
async def invite(call: Call) -> MadeInvitation:
    """Make a link that gives a role in a workspace to whoever opens it (owner); mailed, where there is an address."""
    return await _invite(call, await call.workspace(Role.OWNER), call.body(NewInvitationBody))


@sharing.declare("GET", "/api/workspaces/{workspace}/invitations", answer=InvitationList, refuses=(NotFound,))
async def list_invitations(call: Call) -> InvitationList:
    """List the invitations to a workspace (owner)."""
    found = await call.backend.store.invitations.of_workspace(await call.workspace(Role.OWNER))
    return InvitationList(invitations=[InvitationAnswer.of(one) for one in found])


@sharing.declare("DELETE", "/api/workspaces/{workspace}/invitations/{invitation}", status=204, refuses=(NotFound,))
async def take_back_invitation(call: Call) -> None:
    """Make an invitation useless (owner). Repeatable; who accepted it keeps the role."""
    workspace = await call.workspace(Role.OWNER)
    await call.backend.store.invitations.take_back(workspace, call.path["invitation"])


@sharing.declare(
    "POST",
    "/api/invitations/look",
    open_to_all=True,
    body=InvitationSecret,
    answer=InvitationShown,
    refuses=(NotFound,),
)
async def look_at_invitation(call: Call) -> InvitationShown:
    """Tell what a link invites to. Attempts with wrong ones are counted for the address."""
    invitation = await look(call, call.body(InvitationSecret).secret)
    store = call.backend.store
    named = await store.workspaces.named([invitation.workspace] if invitation.workspace else [])
    return InvitationShown(
        workspace=named[invitation.workspace].name if invitation.workspace in named else None,
        role=invitation.role.value if invitation.role else None,
        invited_by=(await store.accounts.get(invitation.made_by)).name if invitation.made_by else "",
        address=invitation.address,
        expires=invitation.expires.isoformat(),
    )


@sharing.declare("POST", "/api/invitations/accept", body=InvitationSecret, answer=Accepted, refuses=(NotFound,))
async def accept_invitation(call: Call) -> Accepted:
    """Accept an invitation: the caller has the role now. One that is as great is kept.

    Who was removed from the workspace after the invitation was made needs a new one.
    """
    secret, store = call.body(InvitationSecret).secret, call.backend.store
    await look(call, secret)
    invitation = await store.joining.accept(secret, call.who.account.id)
    return Accepted(workspace=await joined(call, invitation, call.who.account.id))


async def look(call: Call, secret: str) -> Invitation:
    """The invitation of this secret; wrong ones are counted as attempts to sign in.

    :raises NotFound: it is good for nothing.
    :raises OverLimit: there were too many attempts.
    """
    rate, name = call.backend.sign_in_rate, f"address {call.remote_ip}"
    rate.check(name)
    try:
        return await call.backend.store.invitations.look(secret)
    except NotFound:
        rate.count(name)
        raise


async def joined(call: Call, invitation: Invitation, account: str) -> WorkspaceAnswer | None:
    """The workspace of an invitation that the account just accepted."""
    store, workspace = call.backend.store, invitation.workspace
    if workspace is None:
        return None
    await store.listings.changed(workspace, account)
    details = {"invitation": invitation.id}
    await store.activity.note("joined", account=account, workspace=workspace, details=details)
    role = await store.permissions.require(workspace, account, Role.READER)
    return WorkspaceAnswer.of(await store.workspaces.get(workspace), role)


async def _invite_unknown(call: Call, workspace: str, given: NewMember, unknown: NotFound) -> MadeInvitation:
    if not is_address(given.name):
        raise NotFound(unknown.what, mend="Check the name, give a mail address, or send a link.") from unknown
    if given.role == "owner":
        raise Conflict(
            f"Nobody is known here as {given.name}, and an owner cannot be invited.",
            mend="Invite them as a collaborator, and change that when they are here.",
        ) from unknown
    return await _invite(call, workspace, NewInvitationBody(role=given.role, address=given.name))


async def _invite(call: Call, workspace: str, given: NewInvitationBody) -> MadeInvitation:
    longest = call.backend.configuration.accounts.invitation_days
    new = await call.backend.store.invitations.create(
        workspace=workspace,
        role=Role(given.role),
        made_by=call.who.account.id,
        address=given.address,
        lifetime=timedelta(days=min(given.days or longest, longest)),
        uses=1 if given.address else int(given.uses) if given.uses else None,
    )
    await _note(call, "invited", workspace, invitation=new.invitation.id, role=given.role)
    mailed = await _mail(call, workspace, new)
    link = join_link(f"{call.protocol}://{call.host}", new.secret)
    return MadeInvitation(invitation=InvitationAnswer.of(new.invitation), link=link, mailed=mailed)


async def _mail(call: Call, workspace: str, new: NewInvitation) -> bool:
    """Send the link to whom it is for; whether it was. Where it was not, its maker still has the link."""
    mail, to, who = call.backend.mail, new.invitation.address, call.who.account.name
    if not to or not mail.can_send:
        return False
    name = (await call.backend.store.workspaces.get(workspace)).name
    # In one line each: names must not look like what the site itself says in the mail.
    who, name = " ".join(who.split()), " ".join(name.split())
    link = join_link(mailed_origin(call.backend.configuration, f"{call.protocol}://{call.host}"), new.secret)
    text = (
        f"{who} shares the workspace “{name}” with you. Open this address to accept:\n\n{link}\n\n"
        f"It is good once, until {new.invitation.expires:%Y-%m-%d %H:%M} UTC.\n"
    )
    try:
        call.backend.sign_in_rate.take(f"mail of {call.who.account.id}")
        await mail.send(to, f"{who} shares “{name}” with you", text)
    except (OverLimit, Unavailable, UsageError) as error:
        log.info("Invitation not mailed", extra={"action": "invitation_not_mailed", "what": error.what})
        return False
    return True


async def _note(call: Call, action: str, workspace: str, **details: str) -> None:
    who = call.who.account.id
    await call.backend.store.activity.note(action, account=who, workspace=workspace, details=details)
