"""Accounts: one's own with its preferences, and for the operator those of everybody."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.backend.identity import OPERATORS
from sagews.database.account_types import STANDARD
from sagews.database.accounts import Account
from sagews.errors import Conflict, NotFound, UsageError

accounts = Operations("accounts")

Name = Annotated[str, Field(min_length=1, max_length=200)]
PREFERENCES = 200
"""How many an account may have."""


class AccountAnswer(Schema):
    """An account."""

    id: str
    name: str
    account_type: str
    disabled: bool
    created: str

    @classmethod
    def of(cls, account: Account) -> AccountAnswer:
        """The answer about a stored account."""
        return cls(
            id=account.id,
            name=account.name,
            account_type=account.account_type,
            disabled=account.disabled,
            created=account.created.isoformat(),
        )


class Me(AccountAnswer):
    """Who is signed in; `operator`: may administer the site."""

    operator: bool
    site: str
    solo: bool


class Preferences(Schema):
    """What a person chose for the pages, by keys that the pages define; null = forget it."""

    preferences: dict[Annotated[str, Field(min_length=1, max_length=100)], Any]


class AccountList(Schema):
    """All accounts, the oldest first."""

    accounts: list[AccountAnswer]


class NewAccount(Schema):
    """Somebody who signs in by password. Accounts of the types `operator` and `solo` administer the site."""

    name: Name
    password: Annotated[str, Field(min_length=8, max_length=1024)]
    account_type: Annotated[str, Field(max_length=200)] = STANDARD


class AccountChange(Schema):
    """What is to be different."""

    name: Name | None = None
    disabled: bool | None = None
    account_type: Annotated[str, Field(min_length=1, max_length=200)] | None = None


@accounts.declare("GET", "/api/me", answer=Me)
async def me(call: Call) -> Me:
    """Tell who is signed in."""
    site = call.backend.configuration.site
    return Me(
        **AccountAnswer.of(call.who.account).model_dump(),
        operator=call.who.is_operator,
        site=site.name,
        solo=site.profile == "solo",
    )


@accounts.declare("GET", "/api/preferences", answer=Preferences)
async def read_preferences(call: Call) -> Preferences:
    """Read one's preferences."""
    return Preferences(preferences=await call.backend.store.preferences.read(call.who.account.id))


@accounts.declare("PATCH", "/api/preferences", body=Preferences, answer=Preferences, refuses=(Conflict,))
async def change_preferences(call: Call) -> Preferences:
    """Change some of one's preferences."""
    store, account = call.backend.store.preferences, call.who.account.id
    changes = call.body(Preferences).preferences
    if len({*await store.read(account), *changes}) > PREFERENCES:
        raise Conflict(f"An account has at most {PREFERENCES} preferences.", mend="Forget some (null) first.")
    for key, value in changes.items():
        if value is None:
            await store.forget(account, key)
        else:
            await store.write(account, key, value)
    return Preferences(preferences=await store.read(account))


@accounts.declare("GET", "/api/accounts", answer=AccountList)
async def list_accounts(call: Call) -> AccountList:
    """List all accounts (operator)."""
    call.require_operator()
    return AccountList(accounts=[AccountAnswer.of(account) for account in await call.backend.store.accounts.all()])


@accounts.declare(
    "POST", "/api/accounts", body=NewAccount, answer=AccountAnswer, status=201, refuses=(Conflict, UsageError)
)
async def make_account(call: Call) -> AccountAnswer:
    """Make an account with a name and a password (operator)."""
    call.require_operator()
    given = call.body(NewAccount)
    if given.account_type == STANDARD:
        await call.backend.store.account_types.ensure(STANDARD)
    account = await call.backend.store.identities.create_account(
        given.name, given.password, account_type=given.account_type
    )
    await _note(call, "account_made", account.id, account_type=account.account_type)
    return AccountAnswer.of(account)


@accounts.declare(
    "PATCH", "/api/accounts/{account}", body=AccountChange, answer=AccountAnswer, refuses=(NotFound, Conflict)
)
async def change_account(call: Call) -> AccountAnswer:
    """Rename, disable or enable an account, or change its type (operator)."""
    call.require_operator()
    store, account, change = call.backend.store.accounts, call.path["account"], call.body(AccountChange)
    if account == call.who.account.id and change.disabled:
        raise Conflict("You cannot disable the account that you use.")
    if change.account_type is not None:
        await _set_type(call, account, change.account_type)
    if change.name is not None:
        await store.rename(account, change.name)
    if change.disabled is not None:
        await (store.disable(account) if change.disabled else store.enable(account))
        await _note(call, "account_disabled" if change.disabled else "account_enabled", account)
    return AccountAnswer.of(await store.get(account))


async def _set_type(call: Call, account: str, account_type: str) -> None:
    own = account == call.who.account.id
    if own and account_type not in OPERATORS:
        raise Conflict("You cannot take the site's administration from the account that you use.")
    store = call.backend.store
    if account_type == STANDARD:
        await store.account_types.ensure(STANDARD)
    await store.accounts.set_type(account, account_type)
    await _note(call, "account_type_changed", account, account_type=account_type)


async def _note(call: Call, action: str, changed: str, **details: str) -> None:
    """Note who did this to whose account."""
    activity = call.backend.store.activity
    await activity.note(action, account=call.who.account.id, details={"changed": changed, **details})
