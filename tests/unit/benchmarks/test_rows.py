"""Figures beside those of a peer, and what is written about them."""

from __future__ import annotations

import pytest

from benchmarks.report import table
from benchmarks.rows import Row, median, quantile


def test_a_row_in_json_has_exactly_the_documented_keys() -> None:
    row = Row("round trip", "ms", 2.0, "the peer", 8.0, 3.0)
    assert row.as_json() == {
        "name": "round trip", "unit": "ms", "sagews": 2.0, "peer": "the peer", "peer_value": 8.0, "ratio": 4.0,
    }  # fmt: skip


@pytest.mark.parametrize(("larger_is_better", "ratio"), [(False, 4.0), (True, 0.25)])
def test_the_ratio_says_how_many_times_better(larger_is_better: bool, ratio: float) -> None:
    assert Row("x", "", 2.0, "p", 8.0, larger_is_better=larger_is_better).ratio == ratio


def test_without_a_peer_there_is_no_ratio() -> None:
    assert Row("x", "", 2.0).ratio is None


def test_the_table_says_which_budgets_are_missed() -> None:
    text = table([Row("kept", "ms", 2.0, budget=3.0), Row("over", "ms", 4.0, budget=3.0)])
    assert "| kept | ms | 2 | 3 (met) |" in text
    assert "| over | ms | 4 | 3 (**missed**) |" in text


def test_quantiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert quantile(values, 0.99) == 99.0
    assert quantile(values, 1.0) == 100.0
    assert median(values) == 50.5
