"""Reading which Unix users sessions may have."""

from __future__ import annotations

import os
import pwd

import pytest

from sagews.errors import ConfigurationError
from sagews.worker.session_user import SessionUser, from_short, in_short, session_users


def test_ranges_numbers_and_nothing() -> None:
    assert session_users("700000-700002, 800000") == tuple(SessionUser(n, n) for n in (700000, 700001, 700002, 800000))
    assert session_users("") == ()


def test_names() -> None:
    entry = next((one for one in pwd.getpwall() if one.pw_uid >= 1000), None)
    if entry is None:
        pytest.skip("this machine has no ordinary user")
    assert session_users(entry.pw_name) == (SessionUser(entry.pw_uid, entry.pw_gid),)


@pytest.mark.parametrize(
    "text", ["0-5", "root", "999", "1000-900", "700000-799999999", "5000,5000", "no-such-user-here"]
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        session_users(text)


@pytest.mark.parametrize("text", ["", "700000", "700000-700999", "700000,700002-700004,5000"])
def test_the_short_form_says_the_same(text: str) -> None:
    users = session_users(text)
    assert from_short(in_short(users)) == users
    assert len(in_short(users)) < 100


def test_myself() -> None:
    assert SessionUser.myself().uid == os.geteuid()
