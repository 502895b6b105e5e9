"""Values that messages carry."""

from __future__ import annotations

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from sagews.messages.records import Limits

limits = st.builds(Limits, *[st.integers(0, 3)] * 9)


@given(limits, limits)
def test_the_tighter_of_two_limits_keeps_within_both(one: Limits, two: Limits) -> None:
    for kept, mine, other in zip(*map(astuple, (one.tighter(two), one, two)), strict=True):
        given_limits = [value for value in (mine, other) if value]
        assert kept == (min(given_limits) if given_limits else 0)
