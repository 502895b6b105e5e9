"""Invitations, joining, ownership, and the end of an account."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from sagews.database import Store
from sagews.database.account_types import STANDARD
from sagews.database.accounts import Account
from sagews.database.choices import Role, TokenKind
from sagews.database.invitations import NewInvitation
from sagews.database.publications import Content, PublishedPage
from sagews.database.workspaces import Workspace
from sagews.errors import Conflict, NotAllowed, NotFound, NotSignedIn, OverLimit, SagewsError
from tests.integration.database.conftest import SetClock

PASSWORD = "noether-1882"


@pytest.fixture
async def other(store: Store, account: Account) -> Account:
    await store.account_types.ensure(STANDARD)
    return await store.identities.create_account("emmy@example.org", PASSWORD, name="Emmy", account_type=STANDARD)


async def invited(store: Store, workspace: Workspace, role: Role, uses: int | None = 1) -> NewInvitation:
    return await store.invitations.create(
        workspace=workspace.id, role=role, made_by=workspace.owner, lifetime=timedelta(days=1), uses=uses
    )


async def test_an_invitation_gives_its_role_once(store: Store, workspace: Workspace, other: Account) -> None:
    new = await invited(store, workspace, Role.COLLABORATOR)
    assert (await store.invitations.look(new.secret)).role is Role.COLLABORATOR
    assert (await store.joining.accept(new.secret, other.id)).workspace == workspace.id
    assert await store.permissions.role(workspace.id, other.id) is Role.COLLABORATOR
    third = await store.accounts.create("Third", STANDARD)
    with pytest.raises(NotFound):
        await store.joining.accept(new.secret, third.id)


async def test_of_many_who_accept_at_once_as_many_get_in_as_may(store: Store, workspace: Workspace) -> None:
    await store.account_types.ensure(STANDARD)
    new = await invited(store, workspace, Role.READER, uses=2)
    people = [await store.accounts.create(f"P{number}", STANDARD) for number in range(5)]
    done = await asyncio.gather(*(store.joining.accept(new.secret, one.id) for one in people), return_exceptions=True)
    assert sum(isinstance(one, NotFound) for one in done) == 3
    assert len(await store.permissions.of_workspace(workspace.id)) == 3


async def test_an_invitation_takes_no_role_away_and_is_not_used_up_by_that(
    store: Store, workspace: Workspace, account: Account, other: Account
) -> None:
    new = await invited(store, workspace, Role.READER)
    await store.joining.accept(new.secret, account.id)
    assert await store.permissions.role(workspace.id, account.id) is Role.OWNER
    await store.joining.accept(new.secret, other.id)
    assert await store.permissions.role(workspace.id, other.id) is Role.READER


async def test_invitations_end(store: Store, workspace: Workspace, other: Account, clock: SetClock) -> None:
    of_other = await store.invitations.create(
        workspace=workspace.id, role=Role.READER, made_by=other.id, lifetime=timedelta(days=1)
    )
    taken_back, late = await invited(store, workspace, Role.READER), await invited(store, workspace, Role.READER)
    await store.invitations.take_back(workspace.id, taken_back.invitation.id)
    assert [one.id for one in await store.invitations.of_workspace(workspace.id)] == [late.invitation.id]
    clock.advance(days=2)
    for secret in (of_other.secret, taken_back.secret, late.secret, "wrong", "\x00"):
        with pytest.raises(NotFound):
            await store.invitations.look(secret)
    assert await store.invitations.forget_old() == 2


async def test_who_is_no_owner_any_more_invites_nobody(store: Store, workspace: Workspace, other: Account) -> None:
    await store.permissions.grant(workspace.id, other.id, Role.OWNER)
    new = await store.invitations.create(
        workspace=workspace.id, role=Role.READER, made_by=other.id, lifetime=timedelta(days=1)
    )
    await store.permissions.revoke(workspace.id, other.id)
    with pytest.raises(NotFound):
        await store.invitations.look(new.secret)


async def test_secrets_are_not_stored(store: Store, workspace: Workspace) -> None:
    new = await invited(store, workspace, Role.READER)
    assert new.secret not in repr(new)
    assert new.secret not in repr(await store.invitations.of_workspace(workspace.id))


async def test_an_account_is_made_together_with_its_invitation_or_not_at_all(
    store: Store, workspace: Workspace
) -> None:
    await store.account_types.ensure(STANDARD)
    new = await invited(store, workspace, Role.READER)
    with pytest.raises(NotFound):
        await store.joining.sign_up("kurt", PASSWORD, account_type=STANDARD, invitation="wrong")
    with pytest.raises(NotFound):
        await store.identities.account_of("kurt")
    kurt = await store.joining.sign_up("kurt", PASSWORD, account_type=STANDARD, invitation=new.secret)
    assert await store.permissions.role(workspace.id, kurt.id) is Role.READER


async def test_a_workspace_is_given_away(store: Store, workspace: Workspace, account: Account, other: Account) -> None:
    with pytest.raises(NotFound):
        await store.ownership.transfer(workspace.id, account.id, other.id)
    await store.permissions.grant(workspace.id, other.id, Role.READER)
    await store.ownership.transfer(workspace.id, account.id, other.id)
    assert (await store.workspaces.get(workspace.id)).owner == other.id
    assert await store.permissions.role(workspace.id, other.id) is Role.OWNER
    assert await store.permissions.role(workspace.id, account.id) is Role.COLLABORATOR
    with pytest.raises(NotFound):
        await store.ownership.transfer(workspace.id, account.id, other.id)


async def test_nobody_gets_more_workspaces_than_the_type_allows_or_two_of_a_name(
    store: Store, workspace: Workspace, account: Account, other: Account
) -> None:
    await store.permissions.grant(workspace.id, other.id, Role.READER)
    own = await store.workspaces.create(other.id, workspace.name)
    with pytest.raises(Conflict):
        await store.ownership.transfer(workspace.id, account.id, other.id)
    await store.workspaces.rename(own.id, "Another")
    await store.account_types.save(dataclasses.replace(await store.account_types.get(STANDARD), workspaces=1))
    with pytest.raises(OverLimit):
        await store.ownership.transfer(workspace.id, account.id, other.id)
    assert (await store.workspaces.get(workspace.id)).owner == account.id


async def test_an_account_ends_with_all_that_is_its_own(
    store: Store, workspace: Workspace, account: Account, other: Account
) -> None:
    given, dropped, alone = [await store.workspaces.create(other.id, name) for name in ("Given", "Dropped", "Alone")]
    for shared in (given, dropped):
        await store.permissions.grant(shared.id, account.id, Role.READER)
    await store.permissions.grant(workspace.id, other.id, Role.COLLABORATOR)
    token = await store.tokens.create(other.id, TokenKind.API)
    await store.activity.note("something", account=other.id)
    with pytest.raises(Conflict, match="Dropped, Given"):
        await store.ownership.delete_account(other.id, {})
    await store.ownership.delete_account(other.id, {given.id: account.id, dropped.id: ""})
    assert (await store.workspaces.get(given.id)).owner == account.id
    for gone in (dropped, alone):
        with pytest.raises(NotFound):
            await store.workspaces.get(gone.id)
    assert [one.account for one in await store.permissions.of_workspace(workspace.id)] == [account.id]
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(token.secret, TokenKind.API)
    with pytest.raises(NotFound):
        await store.identities.account_of("emmy@example.org")


async def test_what_cannot_be_given_leaves_the_account_as_it_is(store: Store, account: Account, other: Account) -> None:
    shared = await store.workspaces.create(other.id, "Shared")
    await store.permissions.grant(shared.id, account.id, Role.READER)
    third = await store.accounts.create("Third", STANDARD)
    refused: list[SagewsError] = []
    for decided in ({}, {shared.id: third.id}, {shared.id: "nobody"}):
        with pytest.raises((Conflict, NotFound)) as raised:
            await store.ownership.delete_account(other.id, decided)
        refused.append(raised.value)
    assert [type(one) for one in refused] == [Conflict, NotFound, NotFound]
    assert (await store.workspaces.get(shared.id)).owner == other.id


async def test_a_reset_token_sets_one_password_and_ends_cookies(store: Store, other: Account) -> None:
    cookie = await store.tokens.create(other.id, TokenKind.COOKIE)
    api = await store.tokens.create(other.id, TokenKind.API)
    reset = await store.tokens.create(other.id, TokenKind.RESET, lifetime=timedelta(hours=1))
    with pytest.raises(NotSignedIn):
        await store.identities.reset_password(api.secret, "another-password")
    assert await store.identities.reset_password(reset.secret, "another-password") == other.id
    assert (await store.identities.sign_in("emmy@example.org", "another-password")).id == other.id
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(cookie.secret, TokenKind.COOKIE)
    await store.tokens.verify(api.secret, TokenKind.API)
    with pytest.raises(NotSignedIn):
        await store.identities.reset_password(reset.secret, "a-third-password")


async def test_a_reset_token_ends(store: Store, other: Account, clock: SetClock) -> None:
    late = await store.tokens.create(other.id, TokenKind.RESET, lifetime=timedelta(hours=1))
    clock.advance(hours=2)
    with pytest.raises(NotSignedIn):
        await store.identities.reset_password(late.secret, "another-password")
    disabled = await store.tokens.create(other.id, TokenKind.RESET, lifetime=timedelta(hours=1))
    await store.accounts.disable(other.id)
    with pytest.raises(NotSignedIn):
        await store.identities.reset_password(disabled.secret, "another-password")


async def test_who_was_removed_comes_in_again_by_a_new_invitation_only(
    store: Store, workspace: Workspace, other: Account, clock: SetClock
) -> None:
    old = await invited(store, workspace, Role.READER, uses=None)
    await store.joining.accept(old.secret, other.id)
    clock.advance(hours=1)
    await store.permissions.revoke(workspace.id, other.id)
    with pytest.raises(NotAllowed, match="removed"):
        await store.joining.accept(old.secret, other.id)
    assert await store.permissions.role(workspace.id, other.id) is None
    third = await store.accounts.create("Third", STANDARD)
    await store.joining.accept(old.secret, third.id)
    clock.advance(hours=1)
    new = await invited(store, workspace, Role.READER, uses=None)
    await store.joining.accept(new.secret, other.id)
    assert await store.permissions.role(workspace.id, other.id) is Role.READER


async def test_who_got_a_smaller_role_does_not_get_it_back_by_an_old_invitation(
    store: Store, workspace: Workspace, other: Account
) -> None:
    old = await invited(store, workspace, Role.COLLABORATOR, uses=None)
    await store.joining.accept(old.secret, other.id)
    await store.permissions.grant(workspace.id, other.id, Role.READER)
    with pytest.raises(NotAllowed):
        await store.joining.accept(old.secret, other.id)
    await store.permissions.grant(workspace.id, other.id, Role.COLLABORATOR)
    assert await store.permissions.role(workspace.id, other.id) is Role.COLLABORATOR


async def test_who_left_may_come_back(store: Store, workspace: Workspace, account: Account, other: Account) -> None:
    invitation = await invited(store, workspace, Role.READER, uses=None)
    await store.joining.accept(invitation.secret, other.id)
    await store.permissions.leave(workspace.id, other.id)
    assert await store.permissions.role(workspace.id, other.id) is None
    await store.joining.accept(invitation.secret, other.id)
    assert await store.permissions.role(workspace.id, other.id) is Role.READER
    with pytest.raises(Conflict):
        await store.permissions.leave(workspace.id, account.id)


async def limited(store: Store, account: Account, **limits: Any) -> None:
    """The account's type allows so much."""
    known = await store.account_types.get(account.account_type)
    await store.account_types.save(dataclasses.replace(known, **limits))


async def test_a_workspace_has_as_many_collaborators_as_its_owners_account_type_allows(
    store: Store, workspace: Workspace, account: Account
) -> None:
    await store.account_types.ensure(STANDARD)
    people = [await store.accounts.create(f"P{number}", STANDARD) for number in range(5)]
    await limited(store, account, collaborators=2)
    await store.permissions.grant(workspace.id, people[0].id, Role.COLLABORATOR)
    await store.permissions.grant(workspace.id, people[1].id, Role.OWNER)
    with pytest.raises(OverLimit, match="2 collaborators"):
        await store.permissions.grant(workspace.id, people[2].id, Role.COLLABORATOR)
    link = await invited(store, workspace, Role.COLLABORATOR, uses=None)
    with pytest.raises(OverLimit):
        await store.joining.accept(link.secret, people[2].id)
    # Readers do not count, and who counts already may get another role.
    await store.permissions.grant(workspace.id, people[3].id, Role.READER)
    await store.permissions.grant(workspace.id, people[0].id, Role.OWNER)
    assert await store.permissions.most_collaborators(account.id) == 2
    await store.permissions.grant(workspace.id, people[0].id, Role.READER)
    await store.joining.accept(link.secret, people[2].id)
    await limited(store, account, collaborators=0)
    await store.permissions.grant(workspace.id, people[4].id, Role.COLLABORATOR)
    assert await store.permissions.most_collaborators(account.id) == 3
    assert await store.permissions.most_collaborators(people[0].id) == 0


async def test_many_who_come_at_once_are_not_more_than_may(
    store: Store, workspace: Workspace, account: Account
) -> None:
    await store.account_types.ensure(STANDARD)
    await limited(store, account, collaborators=2)
    link = await invited(store, workspace, Role.COLLABORATOR, uses=None)
    people = [await store.accounts.create(f"P{number}", STANDARD) for number in range(6)]
    done = await asyncio.gather(*(store.joining.accept(link.secret, one.id) for one in people), return_exceptions=True)
    assert sum(isinstance(one, OverLimit) for one in done) == 4
    assert len(await store.permissions.of_workspace(workspace.id)) == 3


def content(size: int) -> Content:
    """What is published."""
    return Content("Rings", "rings", (PublishedPage("index.html", "", b"x" * size),))


async def test_an_account_publishes_as_many_bytes_as_its_type_allows(
    store: Store, workspace: Workspace, account: Account
) -> None:
    await limited(store, account, published_bytes=1000)
    first, second = store.publications.new_id(), store.publications.new_id()
    await store.publications.publish(first, account.id, workspace.id, "a.ipynb", content(600), listed=False)
    with pytest.raises(OverLimit, match="published more"):
        await store.publications.publish(second, account.id, workspace.id, "b.ipynb", content(401), listed=False)
    with pytest.raises(OverLimit):
        await store.publications.publish_again(first, content(401))
    await store.publications.change(first, withdrawn=True)
    assert await store.publications.size(account.id) == 600
    await store.publications.publish(second, account.id, workspace.id, "b.ipynb", content(400), listed=False)
    await store.publications.delete(first)
    assert await store.publications.publish_again(second, content(600)) == 2
    assert await store.publications.size(account.id) == 1000
    await limited(store, account, published_bytes=0)
    await store.publications.publish_again(second, content(5000))
