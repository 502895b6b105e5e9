"""Signing up, and getting in again with a forgotten password."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sagews.backend.accounts import AccountAnswer
from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.backend.links import mailed_origin, reset_link
from sagews.backend.mail import is_address
from sagews.backend.sharing import LONGEST_NAME, joined, look
from sagews.backend.workspaces import WorkspaceAnswer
from sagews.database.account_types import STANDARD
from sagews.database.accounts import Account
from sagews.database.choices import TokenKind
from sagews.database.identities import plain_form
from sagews.errors import Conflict, NotAllowed, NotFound, NotSignedIn, SagewsError, UsageError

log = logging.getLogger(__name__)

signing_up = Operations("signing in")

Password = Annotated[str, Field(min_length=8, max_length=1024)]


class SignUpState(Schema):
    """How people come by an account here. `mail`: who forgot a password can have an address for a new one sent."""

    sign_up: Literal["closed", "invitation", "open"]
    mail: bool
    site: str


class SignUp(Schema):
    """Somebody new: the name or address to sign in by, what others see ("" = the same), a password.

    `invitation` is what stands behind the # of an invitation's link, or "".
    """

    sign_in: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f]*$")]
    name: Annotated[str, Field(max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f]*$")] = ""
    password: Password
    invitation: Annotated[str, Field(max_length=LONGEST_NAME)] = ""


class SignedUp(Schema):
    """The new account, which is signed in, and the workspace that it was invited to."""

    account: AccountAnswer
    workspace: WorkspaceAnswer | None


class Forgotten(Schema):
    """The address by which somebody signs in."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class NewPassword(Schema):
    """What stands behind the # of the address, and the new password."""

    secret: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    password: Password


class ResetLink(Schema):
    """The address by which somebody sets a new password, once; it is told this once."""

    link: str
    expires: str


@signing_up.declare("GET", "/api/sign-up", open_to_all=True, answer=SignUpState)
async def show_sign_up(call: Call) -> SignUpState:
    """Tell how people come by an account here."""
    chosen = call.backend.configuration
    return SignUpState(sign_up=chosen.accounts.sign_up, mail=call.backend.mail.can_send, site=chosen.site.name)


@signing_up.declare(
    "POST",
    "/api/sign-up",
    open_to_all=True,
    body=SignUp,
    answer=SignedUp,
    status=201,
    refuses=(Conflict, NotFound, UsageError),
)
async def sign_up(call: Call) -> SignedUp:
    """Make an account, sign it in, and accept the invitation, if there is one.

    The attempts are counted for the address.
    """
    given, store, state = call.body(SignUp), call.backend.store, call.backend.configuration.accounts.sign_up
    if state == "closed":
        raise NotAllowed("Nobody can sign up here.", mend="Ask the site's operator for an account.")
    if state == "invitation" and not given.invitation:
        raise NotAllowed("Signing up needs an invitation here.", mend="Open the link of yours.")
    # Every one counts: otherwise names could be tried out, and accounts be made without end.
    call.backend.sign_in_rate.take(f"address {call.remote_ip}")
    invitation = await look(call, given.invitation) if given.invitation else None
    await store.account_types.ensure(STANDARD)
    account = await store.joining.sign_up(
        given.sign_in, given.password, name=given.name, account_type=STANDARD, invitation=given.invitation
    )
    await store.activity.note("signed_up", account=account.id)
    call.new_cookie = await call.backend.identity.new_cookie(account.id, call.agent[:LONGEST_NAME])
    workspace = await joined(call, invitation, account.id) if invitation else None
    return SignedUp(account=AccountAnswer.of(account), workspace=workspace)


@signing_up.declare("POST", "/api/forgotten-password", open_to_all=True, body=Forgotten, status=204)
async def mail_reset_link(call: Call) -> None:
    """Mail an address for a new password to whoever signs in by this mail address.

    The answer is the same whether or not there is such an account. The attempts are counted.
    """
    name, backend = call.body(Forgotten).name, call.backend
    if not backend.mail.can_send:
        raise NotAllowed("This site sends no mail.", mend="Ask the site's operator for a new password.")
    for counted in (f"address {call.remote_ip}", f"reset {plain_form(name)}"):
        backend.sign_in_rate.take(counted)
    # Afterwards, so that how long this takes tells nothing either.
    backend.mail.begin(_mail_reset_link(call, name))


@signing_up.declare(
    "POST", "/api/reset-password", open_to_all=True, body=NewPassword, status=204, refuses=(NotSignedIn, UsageError)
)
async def reset_password(call: Call) -> None:
    """Set a new password by a reset link, once. Whoever is signed in has to sign in again."""
    given, rate, name = call.body(NewPassword), call.backend.sign_in_rate, f"address {call.remote_ip}"
    rate.take(name)
    account = await call.backend.store.identities.reset_password(given.secret, given.password)
    rate.give_back(name)
    await call.backend.store.activity.note("password_reset", account=account)


@signing_up.declare(
    "POST", "/api/accounts/{account}/reset-link", answer=ResetLink, status=201, refuses=(NotFound, Conflict)
)
async def make_reset_link(call: Call) -> ResetLink:
    """Make an address by which somebody sets a new password, to be given to them (operator)."""
    call.require_operator()
    store = call.backend.store
    account = await store.accounts.get(call.path["account"])
    link = await _new_link(call, account, f"{call.protocol}://{call.host}")
    details = {"changed": account.id}
    await store.activity.note("reset_link_made", account=call.who.account.id, details=details)
    return link


async def _new_link(call: Call, account: Account, origin: str) -> ResetLink:
    """:raises Conflict: the account signs in without a password, or is disabled."""
    store = call.backend.store
    if account.disabled or not await store.identities.has_password(account.id):
        raise Conflict(
            f"{account.name} cannot sign in by a password.", mend="Enable the account, where it is disabled."
        )
    lifetime = timedelta(hours=call.backend.configuration.accounts.reset_hours)
    new = await store.tokens.create(account.id, TokenKind.RESET, name="new password", lifetime=lifetime)
    expires = new.token.expires.isoformat() if new.token.expires else ""
    return ResetLink(link=reset_link(origin, new.secret), expires=expires)


async def _mail_reset_link(call: Call, name: str) -> None:
    backend = call.backend
    try:
        account = await backend.store.identities.account_of(name)
        if not is_address(plain_form(name)):
            return
        origin = mailed_origin(backend.configuration, f"{call.protocol}://{call.host}")
        made = await _new_link(call, account, origin)
        text = (
            f"Somebody, you perhaps, forgot the password of {plain_form(name)}. Open this address to set a new one:\n\n"
            f"{made.link}\n\nIt is good once, until {made.expires[:16].replace('T', ' ')} UTC. "
            "If it was not you, do nothing: the old password stays.\n"
        )
        await backend.mail.send(plain_form(name), "A new password", text)
    except SagewsError as error:
        log.info("No reset link mailed", extra={"action": "no_reset_link_mailed", "code": error.code})
