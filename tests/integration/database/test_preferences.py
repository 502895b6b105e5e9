"""What a person chose for the pages."""

from __future__ import annotations

import pytest

from sagews.database import Store
from sagews.database.accounts import Account
from sagews.errors import Conflict, UsageError


@pytest.mark.parametrize("value", [None, 0, "dark", ["a", 1.5], {"key": {"NUL\0": "\0\ud800\U0001d54f"}}])
async def test_any_json_comes_back(store: Store, account: Account, value: object) -> None:
    await store.preferences.write(account.id, "theme", "other")
    await store.preferences.write(account.id, "theme", value)
    assert await store.preferences.read(account.id) == {"theme": value}


async def test_each_account_has_its_own(store: Store, account: Account) -> None:
    other = await store.accounts.create("Other", account.account_type)
    await store.preferences.write(account.id, "theme", "dark")
    assert await store.preferences.read(other.id) == {}


async def test_forgetting_leaves_the_others(store: Store, account: Account) -> None:
    await store.preferences.write(account.id, "theme", "dark")
    await store.preferences.write(account.id, "font", 12)
    await store.preferences.forget(account.id, "theme")
    await store.preferences.forget(account.id, "theme")
    assert await store.preferences.read(account.id) == {"font": 12}


async def test_a_preference_needs_an_account_and_a_key(store: Store, account: Account) -> None:
    with pytest.raises(Conflict):
        await store.preferences.write("nobody", "theme", "dark")
    with pytest.raises(UsageError):
        await store.preferences.write(account.id, "", "dark")
