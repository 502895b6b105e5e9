"""What was done is noted, and read the newest first."""

from __future__ import annotations

import pytest

from sagews.database import Store
from sagews.database.accounts import Account
from sagews.errors import Conflict
from tests.integration.database.conftest import SetClock


async def test_an_action_comes_back_as_noted(store: Store, account: Account, clock: SetClock) -> None:
    details = {"from": "Knots\0", "to": ["Graphs", 1, None]}
    await store.activity.note("workspace_renamed", account=account.id, workspace="w", details=details)
    (action,) = await store.activity.latest()
    assert (action.at, action.account, action.workspace) == (clock.now, account.id, "w")
    assert (action.action, action.details) == ("workspace_renamed", details)


async def test_pages_go_back_in_time(store: Store, account: Account) -> None:
    for number in range(5):
        await store.activity.note(f"action_{number}", account=account.id if number % 2 else None, workspace="w")
    first = await store.activity.latest(at_most=2)
    then = await store.activity.latest(at_most=2, before=first[-1].id)
    assert [action.action for action in first + then] == ["action_4", "action_3", "action_2", "action_1"]
    assert [action.action for action in await store.activity.latest(account=account.id)] == ["action_3", "action_1"]
    assert await store.activity.latest(workspace="other") == []
    assert len(await store.activity.latest(workspace="w")) == 5


async def test_an_account_that_acts_exists(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.activity.note("workspace_renamed", account="nobody")
