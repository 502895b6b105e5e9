"""Several things at once."""

from __future__ import annotations

from threading import Barrier

import pytest

from sagews.admin.together import together


def test_they_run_at_once_and_answer_in_order() -> None:
    barrier = Barrier(3, timeout=60)

    def task(number: int) -> int:
        barrier.wait()  # until all three are here
        return number

    assert together([lambda: task(1), lambda: task(2), lambda: task(3)]) == [1, 2, 3]
    assert together([]) == []


def test_an_error_comes_when_all_are_done() -> None:
    done: list[int] = []

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        together([fail, lambda: done.append(1)])
    assert done == [1]
