"""Coming near to a limit is told once, and again only after it was far away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sagews.worker.approach import FAR, NEAR, Approach


def test_told_once() -> None:
    approach = Approach()
    assert [approach.is_news(used, 100) for used in (10, 89, 90, 95, 99, 85, 95)] == [
        False, False, True, False, False, False, False,
    ]  # fmt: skip


def test_told_again_after_it_was_far_away() -> None:
    approach = Approach()
    assert [approach.is_news(used, 100) for used in (90, 79, 90)] == [True, False, True]


def test_without_a_limit_nothing_is_near() -> None:
    assert not Approach().is_news(10**18, 0)


@given(st.lists(st.integers(0, 120)))
def test_between_two_tellings_it_was_far_away(used: list[int]) -> None:
    approach, told_before, was_far = Approach(), False, True
    for amount in used:
        if approach.is_news(amount, 100):
            assert amount >= 100 * NEAR
            assert was_far or not told_before
            told_before, was_far = True, False
        was_far |= amount < 100 * FAR
