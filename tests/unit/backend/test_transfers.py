"""Transfers: so many at once for each account."""

from __future__ import annotations

import pytest

from sagews.backend.transfers import Transfers
from sagews.errors import OverLimit


def test_an_account_has_so_many_at_once_and_others_theirs() -> None:
    transfers = Transfers(2)
    with transfers.one("a"), transfers.one("a"):
        with pytest.raises(OverLimit, match="2 transfers"), transfers.one("a"):
            pass
        with transfers.one("b"):
            pass
    with transfers.one("a"), transfers.one("a"):
        pass


def test_one_that_fails_counts_no_more() -> None:
    transfers = Transfers(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"), transfers.one("a"):
            raise ValueError("broken")
