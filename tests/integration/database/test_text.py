"""Any text that Python holds comes back from the database, and is found again."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagews.database import Store
from sagews.database.accounts import Account
from sagews.database.columns import ESCAPE

AWKWARD = st.text(
    st.one_of(st.characters(), st.sampled_from(["\0", ESCAPE, "\ud800", "\\", "'", "%", "\U0010ffff"])), max_size=50
)
AS_OFTEN_AS_IS_QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@AS_OFTEN_AS_IS_QUICK
@given(name=AWKWARD)
async def test_text_comes_back(store: Store, account: Account, name: str) -> None:
    await store.accounts.rename(account.id, f"x{name}x")
    assert (await store.accounts.get(account.id)).name == f"x{name}x"


@AS_OFTEN_AS_IS_QUICK
@given(key=AWKWARD, value=AWKWARD)
async def test_text_is_found_and_json_comes_back(store: Store, account: Account, key: str, value: str) -> None:
    await store.preferences.write(account.id, f"x{key}x", {value: [value]})
    assert (await store.preferences.read(account.id))[f"x{key}x"] == {value: [value]}
    await store.preferences.forget(account.id, f"x{key}x")
    assert await store.preferences.read(account.id) == {}
