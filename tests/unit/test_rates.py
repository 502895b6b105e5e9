"""Rates: so many a minute for each name."""

from __future__ import annotations

import pytest

from sagews.errors import OverLimit
from sagews.rates import LARGEST, Rate


def test_a_bucket_empties_and_fills_again() -> None:
    now = 1000.0
    rate = Rate(60, "tries", lambda: now)
    for _ in range(60):
        rate.take("a")
    with pytest.raises(OverLimit, match="Too many tries"):
        rate.take("a")
    rate.take("b")
    now += 1.5
    rate.take("a")
    with pytest.raises(OverLimit):
        rate.check("a")


def test_what_is_given_back_does_not_count() -> None:
    rate = Rate(1, "tries", lambda: 0.0)
    rate.take("a")
    rate.give_back("a")
    rate.take("a")


def test_the_oldest_names_are_forgotten() -> None:
    rate = Rate(1, "tries", lambda: 0.0)
    for number in range(LARGEST + 1):
        rate.take(str(number))
    rate.check("0")
    with pytest.raises(OverLimit):
        rate.check("1")
