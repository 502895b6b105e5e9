"""Cookies, API tokens and sign-in addresses."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database import Store, tables
from sagews.database.accounts import Account
from sagews.database.choices import TokenKind
from sagews.errors import Conflict, NotFound, NotSignedIn
from tests.integration.database.conftest import SetClock

DAY = timedelta(days=1)


async def test_a_token_names_its_account(store: Store, account: Account) -> None:
    new = await store.tokens.create(account.id, TokenKind.API, name="my script", lifetime=DAY)
    token = await store.tokens.verify(new.secret, TokenKind.COOKIE, TokenKind.API)
    assert (token.id, token.account, token.name) == (new.token.id, account.id, "my script")


@pytest.mark.parametrize("secret", ["", "wrong", "\0", "\ud800", "x" * 100_000])
async def test_wrong_tokens_are_refused(store: Store, account: Account, secret: str) -> None:
    await store.tokens.create(account.id, TokenKind.API)
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(secret, *TokenKind)


async def test_a_token_is_good_for_its_kind_only(store: Store, account: Account) -> None:
    api = await store.tokens.create(account.id, TokenKind.API)
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(api.secret, TokenKind.COOKIE)
    with pytest.raises(NotSignedIn):
        await store.tokens.consume(api.secret)


async def test_a_token_expires(store: Store, account: Account, clock: SetClock) -> None:
    new = await store.tokens.create(account.id, TokenKind.COOKIE, lifetime=DAY)
    clock.advance(hours=23)
    await store.tokens.verify(new.secret, TokenKind.COOKIE)
    clock.advance(hours=1)
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(new.secret, TokenKind.COOKIE)


async def test_a_revoked_token_is_refused_at_once(store: Store, account: Account) -> None:
    new = await store.tokens.create(account.id, TokenKind.API)
    await store.tokens.verify(new.secret, TokenKind.API)
    await store.tokens.revoke(account.id, new.token.id)
    await store.tokens.revoke(account.id, new.token.id)
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(new.secret, TokenKind.API)


async def test_nobody_revokes_the_tokens_of_others(store: Store, account: Account) -> None:
    new = await store.tokens.create(account.id, TokenKind.API)
    other = await store.accounts.create("Other", account.account_type)
    with pytest.raises(NotFound):
        await store.tokens.revoke(other.id, new.token.id)
    await store.tokens.verify(new.secret, TokenKind.API)


async def test_tokens_of_disabled_accounts_are_refused(store: Store, account: Account) -> None:
    new = await store.tokens.create(account.id, TokenKind.API)
    once = await store.tokens.create(account.id, TokenKind.ONCE)
    await store.accounts.disable(account.id)
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(new.secret, TokenKind.API)
    with pytest.raises(NotSignedIn):
        await store.tokens.consume(once.secret)


async def test_a_token_needs_an_account(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.tokens.create("nobody", TokenKind.API)


async def test_one_of_many_at_once_signs_in(store: Store, account: Account) -> None:
    once = await store.tokens.create(account.id, TokenKind.ONCE, lifetime=DAY)
    results = await asyncio.gather(*(store.tokens.consume(once.secret) for _ in range(12)), return_exceptions=True)
    winners = [result for result in results if not isinstance(result, BaseException)]
    assert [winner.account for winner in winners] == [account.id]
    assert all(isinstance(result, NotSignedIn) for result in results if result not in winners)


async def test_a_sign_in_address_expires(store: Store, account: Account, clock: SetClock) -> None:
    once = await store.tokens.create(account.id, TokenKind.ONCE, lifetime=DAY)
    clock.advance(days=1)
    with pytest.raises(NotSignedIn):
        await store.tokens.consume(once.secret)


async def test_use_is_noted_to_the_minute(store: Store, account: Account, clock: SetClock) -> None:
    new = await store.tokens.create(account.id, TokenKind.API)
    await store.tokens.verify(new.secret, TokenKind.API)
    first = clock.now
    clock.advance(seconds=59)
    await store.tokens.verify(new.secret, TokenKind.API)
    assert [token.last_used for token in await store.tokens.of_account(account.id, TokenKind.API)] == [first]
    clock.advance(seconds=1)
    await store.tokens.verify(new.secret, TokenKind.API)
    assert [token.last_used for token in await store.tokens.of_account(account.id, TokenKind.API)] == [clock.now]


async def test_listed_are_the_live_tokens_of_the_kinds(store: Store, account: Account, clock: SetClock) -> None:
    revoked = await store.tokens.create(account.id, TokenKind.API)
    await store.tokens.revoke(account.id, revoked.token.id)
    await store.tokens.create(account.id, TokenKind.API, lifetime=DAY)
    await store.tokens.create(account.id, TokenKind.COOKIE)
    clock.advance(days=2)
    older = await store.tokens.create(account.id, TokenKind.API)
    clock.advance(days=1)
    newer = await store.tokens.create(account.id, TokenKind.API)
    assert await store.tokens.of_account(account.id, TokenKind.API) == [newer.token, older.token]


async def test_old_tokens_are_forgotten(store: Store, account: Account, clock: SetClock) -> None:
    await store.tokens.create(account.id, TokenKind.COOKIE, lifetime=DAY)
    live = await store.tokens.create(account.id, TokenKind.COOKIE)
    clock.advance(days=10)
    assert await store.tokens.forget_old(10 * DAY) == 0
    clock.advance(days=2)
    assert await store.tokens.forget_old(10 * DAY) == 1
    await store.tokens.verify(live.secret, TokenKind.COOKIE)


async def test_the_database_cannot_tell_a_token(engine: AsyncEngine, store: Store, account: Account) -> None:
    new = await store.tokens.create(account.id, TokenKind.API)
    async with engine.connect() as connection:
        row = (await connection.execute(select(tables.tokens))).one()
    assert new.secret not in str(tuple(row))
    assert new.secret not in repr(new)
    assert len(row.sha256) == 32
