"""One's own account: its limits and what is used of them, its name, its password, and its end."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from sagews.backend.accounts import AccountAnswer, Name
from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.backend.identity import OPERATORS
from sagews.backend.open_workspaces import ask_for_open
from sagews.backend.signing_up import Password
from sagews.database.account_types import AccountType
from sagews.errors import Conflict, NotAllowed, NotFound, NotSignedIn, UsageError

own_account = Operations("accounts")

Id = Annotated[str, Field(max_length=200)]


class LimitsAnswer(Schema):
    """What an account may use; 0 = no limit.

    `sessions`, `workspaces` and `published_bytes` are of the account, `disk_bytes`, `disk_files` and `collaborators` of
    one workspace, the rest of one session.
    """

    memory_bytes: int
    cpu_seconds: int
    wall_seconds: int
    idle_seconds: int
    processes: int
    open_files: int
    file_size_bytes: int
    disk_bytes: int
    disk_files: int
    output_bytes: int
    sessions: int
    workspaces: int
    collaborators: int
    published_bytes: int
    may_publish: bool

    @classmethod
    def of(cls, account_type: AccountType) -> LimitsAnswer:
        """The answer about an account type."""
        known: dict[str, Any] = asdict(account_type)
        return cls(**{name: known[name] for name in cls.model_fields})


class Other(Schema):
    """Somebody else."""

    account: str
    name: str


class SharedAnswer(Schema):
    """A workspace of one's own in which others have a role."""

    id: str
    name: str
    others: list[Other]


class OwnAccount(Schema):
    """One's account. `sessions` run now, as far as the workers that answer know; null where one does not.

    `collaborators`: of the workspace that has most. `published_bytes`: of all publications, with all their versions.
    """

    account: AccountAnswer
    sign_in: list[str]
    has_password: bool
    limits: LimitsAnswer
    workspaces: int
    sessions: int | None
    collaborators: int
    published_bytes: int
    shared: list[SharedAnswer]


class NewName(Schema):
    """What others see."""

    name: Name


class PasswordChange(Schema):
    """The password as it is, and as it is to be."""

    old: Annotated[str, Field(max_length=1024)]
    new: Password


class AccountEnd(Schema):
    """The password, and who gets each of one's workspaces that others share (an account, or null: it goes too)."""

    password: Annotated[str, Field(max_length=1024)]
    workspaces: dict[Id, Id | None] = Field(default_factory=dict)


@own_account.declare("GET", "/api/me/account", answer=OwnAccount)
async def show_own_account(call: Call) -> OwnAccount:
    """Tell one's limits, and what is used of them."""
    store, account = call.backend.store, call.who.account
    shared = await store.ownership.shared(account.id)
    return OwnAccount(
        account=AccountAnswer.of(account),
        sign_in=[one.subject for one in await store.identities.of_account(account.id)],
        has_password=await store.identities.has_password(account.id),
        limits=LimitsAnswer.of(await store.account_types.of_account(account.id)),
        workspaces=await store.workspaces.count(account.id),
        sessions=await _sessions(call),
        collaborators=await store.permissions.most_collaborators(account.id),
        published_bytes=await store.publications.size(account.id),
        shared=[
            SharedAnswer(id=one.id, name=one.name, others=[Other(account=who, name=name) for who, name in one.others])
            for one in shared
        ],
    )


@own_account.declare("PATCH", "/api/me/account", body=NewName, answer=AccountAnswer, refuses=(UsageError,))
async def rename_own_account(call: Call) -> AccountAnswer:
    """Change what others see as one's name. By what one signs in stays."""
    store, account = call.backend.store, call.who.account.id
    await store.accounts.rename(account, call.body(NewName).name)
    return AccountAnswer.of(await store.accounts.get(account))


@own_account.declare("POST", "/api/me/password", body=PasswordChange, status=204, refuses=(Conflict, UsageError))
async def change_own_password(call: Call) -> None:
    """Change one's password. Every other browser has to sign in again; API tokens stay good."""
    given, who = call.body(PasswordChange), call.who
    subject = await _check_password(call, given.old)
    await call.backend.store.identities.change_password(subject, given.new, keep=who.token if who.by_cookie else "")
    await call.backend.store.activity.note("password_changed", account=who.account.id)


@own_account.declare("POST", "/api/me/delete", body=AccountEnd, status=204, refuses=(Conflict, NotFound, UsageError))
async def delete_own_account(call: Call) -> None:
    """Delete one's account and all that is one's own, for good.

    That is: workspaces, files, publications, tokens, roles in the workspaces of others. Workspaces of one's own that
    others share go to who is named for them, or go too, as is told; all of them have to be named.
    """
    given, store, account = call.body(AccountEnd), call.backend.store, call.who.account
    await _check_password(call, given.password)
    if call.who.is_operator and not await _is_another_operator(call):
        raise Conflict("You are the only operator of this site.", mend="Make somebody else an operator first.")
    decided = {workspace: to or "" for workspace, to in given.workspaces.items()}
    await store.ownership.delete_account(account.id, decided)
    for workspace in decided:
        await store.listings.changed(workspace)
    call.new_cookie = ""


async def _check_password(call: Call, password: str) -> str:
    """The name that the caller signs in by, if this is the password; wrong ones are counted.

    :raises Conflict: the caller has no password.
    :raises NotAllowed: it is wrong.
    """
    store, account = call.backend.store, call.who.account.id
    names = [one.subject for one in await store.identities.of_account(account) if one.is_local]
    if not names:
        raise Conflict("The account has no password here.", mend="Ask the site's operator.")
    rate, counted = call.backend.sign_in_rate, f"name {names[0]}"
    rate.take(counted)
    try:
        await store.identities.sign_in(names[0], password)
    except NotSignedIn as error:
        raise NotAllowed("The password is wrong.", mend="Try again.") from error
    rate.give_back(counted)
    return names[0]


async def _is_another_operator(call: Call) -> bool:
    return any(
        one.account_type in OPERATORS and not one.disabled and one.id != call.who.account.id
        for one in await call.backend.store.accounts.all()
    )


async def _sessions(call: Call) -> int | None:
    """Sessions that run in workspaces of the caller."""
    told = await asyncio.gather(*(ask_for_open(worker) for worker in call.backend.workers.workers))
    if any(records is None for records in told):
        return None
    opened = {one.workspace: len(one.sessions) for records in told for one in records or ()}
    named = await call.backend.store.workspaces.named(opened)
    return sum(opened[one.id] for one in named.values() if one.owner == call.who.account.id)
