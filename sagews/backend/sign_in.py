"""Signing in and out, and API tokens.

A solo site has a sign-in address as Jupyter prints one: its token is good for as long as this run of the site
lives, is compared in constant time and exchanged for a cookie; the redirection takes it out of the address bar.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sagews.backend.accounts import AccountAnswer
from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.database.choices import TokenKind
from sagews.database.identities import plain_form
from sagews.database.tokens import Token
from sagews.errors import Conflict, NotFound, NotSignedIn, UsageError

signing_in = Operations("signing in")
tokens = Operations("tokens")

LONGEST_NAME = 200


class SignIn(Schema):
    """A name with its password, or the token of a solo site's sign-in address."""

    name: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    password: Annotated[str, Field(max_length=1024)] = ""
    token: Annotated[str, Field(max_length=LONGEST_NAME)] = ""


class NewApiToken(Schema):
    """What its owner calls it, and how long it is good."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    days: Annotated[float, Field(gt=0, le=3650)] | None = None


class TokenAnswer(Schema):
    """A token, without its secret."""

    id: str
    name: str
    created: str
    expires: str | None
    last_used: str | None

    @classmethod
    def of(cls, token: Token) -> TokenAnswer:
        """The answer about a stored token."""
        return cls(
            id=token.id,
            name=token.name,
            created=token.created.isoformat(),
            expires=token.expires.isoformat() if token.expires else None,
            last_used=token.last_used.isoformat() if token.last_used else None,
        )


class MadeToken(Schema):
    """The secret is told this once."""

    token: TokenAnswer
    secret: str


class TokenList(Schema):
    """The tokens of the account."""

    tokens: list[TokenAnswer]


@signing_in.declare(
    "POST", "/api/sign-in", open_to_all=True, body=SignIn, answer=AccountAnswer, refuses=(NotSignedIn, UsageError)
)
async def sign_in(call: Call) -> AccountAnswer:
    """Sign in.

    The answer sets the cookie. Failed attempts are counted for the address and for the account's name.
    """
    given = call.body(SignIn)
    backend = call.backend
    names = [f"address {call.remote_ip}"]
    if not given.token:
        # As the database compares names: no other way to write one gives more attempts.
        names.append(f"name {plain_form(given.name)}")
    for name in names:
        backend.sign_in_rate.take(name)
    if given.token:
        account = await backend.identity.account_of_solo_token(given.token)
    else:
        account = await backend.store.identities.sign_in(given.name, given.password)
    for name in names:
        backend.sign_in_rate.give_back(name)
    call.new_cookie = await backend.identity.new_cookie(account.id, call.agent[:LONGEST_NAME])
    return AccountAnswer.of(account)


@signing_in.declare("POST", "/api/sign-out", open_to_all=True, status=204)
async def sign_out(call: Call) -> None:
    """Sign out: the cookie is worth nothing from now on. Repeatable."""
    call.new_cookie = ""
    who = call.who_or_nobody
    if who is not None and who.by_cookie:
        await call.backend.store.tokens.revoke(who.account.id, who.token)


@tokens.declare("GET", "/api/tokens", answer=TokenList)
async def list_tokens(call: Call) -> TokenList:
    """List the account's API tokens."""
    found = await call.backend.store.tokens.of_account(call.who.account.id, TokenKind.API)
    return TokenList(tokens=[TokenAnswer.of(token) for token in found])


@tokens.declare("POST", "/api/tokens", body=NewApiToken, answer=MadeToken, status=201, refuses=(Conflict,))
async def make_token(call: Call) -> MadeToken:
    """Make an API token, for programs: `Authorization: Bearer SECRET`."""
    given = call.body(NewApiToken)
    lifetime = timedelta(days=given.days) if given.days is not None else None
    new = await call.backend.store.tokens.create(call.who.account.id, TokenKind.API, name=given.name, lifetime=lifetime)
    return MadeToken(token=TokenAnswer.of(new.token), secret=new.secret)


@tokens.declare("DELETE", "/api/tokens/{token}", status=204, refuses=(NotFound,))
async def revoke_token(call: Call) -> None:
    """Make a token useless, from now on. Repeatable."""
    await call.backend.store.tokens.revoke(call.who.account.id, call.path["token"])
