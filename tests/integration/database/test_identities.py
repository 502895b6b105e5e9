"""Signing in with names and passwords, and by other providers."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database import Store, tables
from sagews.database.accounts import SOLO, Account
from sagews.database.choices import TokenKind
from sagews.database.identities import LOCAL
from sagews.database.passwords import Passwords
from sagews.errors import Conflict, NotFound, NotSignedIn, UsageError


@pytest.fixture
async def emmy(store: Store, account: Account) -> Account:
    return await store.identities.create_account("emmy@example.org", "correct horse", name="Emmy", account_type=SOLO)


async def password_hash(engine: AsyncEngine) -> str:
    async with engine.connect() as connection:
        return str((await connection.execute(select(tables.identities.c.password_hash))).scalar_one())


@pytest.mark.parametrize("subject", ["emmy@example.org", " Emmy@Example.ORG ", "\uff45mmy@example.org"])
async def test_signing_in_does_not_mind_case_and_form(store: Store, emmy: Account, subject: str) -> None:
    assert await store.identities.sign_in(subject, "correct horse") == emmy


@pytest.mark.parametrize(
    ("subject", "password"),
    [("emmy@example.org", "wrong horse"), ("nobody", "correct horse"), ("", ""), ("emmy@example.org", "\0" * 2000)],
)
async def test_what_is_wrong_is_not_told(store: Store, emmy: Account, subject: str, password: str) -> None:
    with pytest.raises(NotSignedIn, match=r"The name or the password is wrong\."):
        await store.identities.sign_in(subject, password)


async def test_disabled_accounts_cannot_sign_in(store: Store, emmy: Account) -> None:
    await store.accounts.disable(emmy.id)
    with pytest.raises(NotSignedIn):
        await store.identities.sign_in("emmy@example.org", "correct horse")
    with pytest.raises(NotSignedIn):
        await store.identities.find(LOCAL, "emmy@example.org")


async def test_a_name_is_taken_once(store: Store, emmy: Account) -> None:
    with pytest.raises(Conflict, match="taken"):
        await store.identities.create_account("EMMY@example.org", "another horse", account_type=SOLO)
    assert len(await store.accounts.all()) == 2


async def test_of_two_at_once_one_gets_the_name(store: Store, account: Account) -> None:
    tries = [store.identities.create_account("emmy", "correct horse", account_type=SOLO) for _ in range(4)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Account", "Conflict", "Conflict", "Conflict"]
    assert len(await store.accounts.all()) == 2


async def test_refused_names_and_passwords_make_no_account(store: Store, account: Account) -> None:
    with pytest.raises(UsageError):
        await store.identities.create_account("emmy", "short", account_type=SOLO)
    with pytest.raises(UsageError):
        await store.identities.create_account("e" * 300, "correct horse", name="Emmy", account_type=SOLO)
    assert await store.accounts.all() == [account]


async def test_outdated_hashes_are_renewed_at_sign_in(engine: AsyncEngine, store: Store, emmy: Account) -> None:
    old = await password_hash(engine)
    later = Store(engine, passwords=Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)))
    await later.identities.sign_in("emmy@example.org", "correct horse")
    assert "t=1" in old
    assert "t=2" in await password_hash(engine)
    assert await later.identities.sign_in("emmy@example.org", "correct horse") == emmy


async def test_the_password_itself_is_nowhere(engine: AsyncEngine, emmy: Account) -> None:
    assert (await password_hash(engine)).startswith("$argon2id$")


async def test_changing_the_password_ends_other_cookies(store: Store, emmy: Account) -> None:
    mine, other, once, api = [
        await store.tokens.create(emmy.id, kind)
        for kind in (TokenKind.COOKIE, TokenKind.COOKIE, TokenKind.ONCE, TokenKind.API)
    ]
    await store.identities.change_password("Emmy@example.org", "another horse", keep=mine.token.id)
    await store.tokens.verify(mine.secret, TokenKind.COOKIE)
    await store.tokens.verify(api.secret, TokenKind.API)
    with pytest.raises(NotSignedIn):
        await store.tokens.verify(other.secret, TokenKind.COOKIE)
    with pytest.raises(NotSignedIn):
        await store.tokens.consume(once.secret)
    with pytest.raises(NotSignedIn):
        await store.identities.sign_in("emmy@example.org", "correct horse")
    assert await store.identities.sign_in("emmy@example.org", "another horse") == emmy


async def test_changing_the_password_of_nobody(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.identities.change_password("nobody", "another horse")


async def test_another_provider_can_vouch(store: Store, emmy: Account) -> None:
    await store.identities.add(emmy.id, "university", "enoether")
    assert await store.identities.find("university", "ENoether") == emmy
    assert [(one.provider, one.subject) for one in await store.identities.of_account(emmy.id)] == [
        (LOCAL, "emmy@example.org"),
        ("university", "enoether"),
    ]
    with pytest.raises(NotSignedIn):
        await store.identities.find("elsewhere", "enoether")
    with pytest.raises(Conflict):
        await store.identities.add(SOLO, "university", "enoether")


async def test_an_identity_without_a_password_has_no_password(store: Store, account: Account) -> None:
    await store.identities.add(account.id, LOCAL, "emmy")
    with pytest.raises(NotSignedIn):
        await store.identities.sign_in("emmy", "")
