"""Accounts and account types."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sagews.database import Store
from sagews.database.account_types import AccountType
from sagews.database.accounts import SOLO, Account
from sagews.errors import Conflict, NotFound, UsageError


async def test_the_solo_account_is_made_once(store: Store) -> None:
    first = await store.accounts.ensure_solo_account()
    assert await store.accounts.ensure_solo_account() == first
    assert await store.accounts.all() == [first]
    assert (first.id, first.account_type) == (SOLO, SOLO)


async def test_the_solo_account_keeps_what_was_changed(store: Store, account: Account) -> None:
    await store.accounts.rename(account.id, "Emmy")
    await store.account_types.save(AccountType(SOLO, sessions=3))
    assert (await store.accounts.ensure_solo_account()).name == "Emmy"
    assert (await store.account_types.of_account(SOLO)).sessions == 3


async def test_an_account_type_that_is_there_stays_as_it_is(store: Store) -> None:
    await store.account_types.ensure("student")
    assert await store.account_types.get("student") == AccountType("student")
    await store.account_types.save(AccountType("student", sessions=3))
    await store.account_types.ensure("student")
    assert (await store.account_types.get("student")).sessions == 3


async def test_an_account_comes_back_as_made(store: Store) -> None:
    await store.account_types.save(AccountType("student"))
    made = await store.accounts.create("Emmy Noether", "student")
    assert await store.accounts.get(made.id) == made


async def test_accounts_need_a_type_that_exists(store: Store, account: Account) -> None:
    with pytest.raises(Conflict, match="does not exist"):
        await store.accounts.create("Emmy", "no such type")
    with pytest.raises(Conflict, match="does not exist"):
        await store.accounts.set_type(account.id, "no such type")
    assert await store.accounts.all() == [account]


async def test_a_name_is_needed(store: Store, account: Account) -> None:
    with pytest.raises(UsageError):
        await store.accounts.rename(account.id, " ")
    with pytest.raises(UsageError):
        await store.accounts.create("", SOLO)


async def test_accounts_change(store: Store, account: Account) -> None:
    await store.account_types.save(AccountType("student"))
    await store.accounts.rename(account.id, "Emmy")
    await store.accounts.disable(account.id)
    await store.accounts.set_type(account.id, "student")
    changed = replace(account, name="Emmy", disabled=True, account_type="student")
    assert await store.accounts.get(account.id) == changed
    await store.accounts.enable(account.id)
    assert not (await store.accounts.get(account.id)).disabled


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.accounts.get("nobody")
    with pytest.raises(NotFound):
        await store.accounts.rename("nobody", "Emmy")
    with pytest.raises(NotFound):
        await store.account_types.get("nothing")
    with pytest.raises(NotFound):
        await store.account_types.of_account("nobody")


async def test_limits_are_replaced(store: Store) -> None:
    terabyte = 1024**4
    await store.account_types.save(AccountType("student", may_publish=True))
    new = AccountType("student", memory_bytes=64 * terabyte, may_publish=False, sessions=0)
    await store.account_types.save(new)
    assert await store.account_types.get("student") == new
    assert await store.account_types.all() == [new]
