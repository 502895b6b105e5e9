"""What all open workspaces of a worker count together."""

from __future__ import annotations

import pytest

from sagews.errors import OverLimit
from sagews.worker.tally import Tally


def test_an_account_has_so_many_sessions_at_once_and_others_theirs() -> None:
    tally = Tally()
    for _ in range(2):
        tally.begin("ada", 2)
    with pytest.raises(OverLimit, match="may have 2 sessions at once, and has 2 already"):
        tally.begin("ada", 2)
    tally.begin("grace", 2)
    assert tally.sessions() == {"ada": 2, "grace": 1}
    tally.end("ada")
    tally.begin("ada", 2)
    for account in ("ada", "ada", "grace"):
        tally.end(account)
    assert tally.sessions() == {}


def test_what_backends_tell_of_other_workers_counts_and_the_highest_holds() -> None:
    tally = Tally()
    tally.heard("one", {"ada": 1})
    tally.heard("two", {"ada": 2, "grace": 5})
    with pytest.raises(OverLimit, match=r"has 2 already \(2 of them on other workers\)"):
        tally.begin("ada", 2)
    tally.heard("two", {"ada": 0})
    tally.begin("ada", 2)
    with pytest.raises(OverLimit, match=r"has 2 already \(1 of them on other workers\)"):
        tally.begin("ada", 2)
    tally.forget("one")
    tally.begin("ada", 2)


def test_where_there_is_no_limit_nothing_is_refused() -> None:
    tally = Tally()
    tally.heard("one", {"ada": 1000})
    tally.begin("ada", 0)
