"""Who is which Unix user."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from sagews.errors import OverLimit
from sagews.worker.session_user import SessionUser
from sagews.worker.user_slots import UserSlots, claim_on_machine

ONE, TWO, THREE = (SessionUser(number, number) for number in (700001, 700002, 700003))


def free(user: SessionUser) -> AbstractContextManager[object]:
    return nullcontext()


def test_each_folder_has_one_as_long_as_something_lives_in_it() -> None:
    slots = UserSlots((ONE, TWO), free)
    assert slots.take(Path("a")) == (ONE, True)
    assert slots.take(Path("a")) == (ONE, False)
    assert slots.take(Path("b")) == (TWO, True)
    with pytest.raises(OverLimit, match="taken"):
        slots.take(Path("c"))
    assert slots.give(Path("a")) is None
    assert slots.give(Path("a")) == ONE


def test_a_user_comes_back_only_when_it_was_put_back() -> None:
    slots = UserSlots((ONE,), free)
    slots.take(Path("a"))
    slots.give(Path("a"))
    with pytest.raises(OverLimit):
        slots.take(Path("b"))
    slots.put_back(ONE, clean=True)
    assert slots.take(Path("b")) == (ONE, False)


def test_one_that_is_not_clean_comes_last_and_is_said() -> None:
    slots = UserSlots((ONE, TWO, THREE), free)
    for name in ("a", "b"):
        slots.take(Path(name))
        slots.give(Path(name))
    slots.put_back(ONE, clean=False)
    slots.put_back(TWO, clean=True)
    assert slots.take(Path("c")) == (TWO, False)
    assert slots.take(Path("d")) == (THREE, True)
    assert slots.take(Path("e")) == (ONE, True)


def test_what_another_worker_has_is_left_alone() -> None:
    slots = UserSlots((ONE, TWO), lambda user: None if user == ONE else nullcontext())
    assert slots.take(Path("a")) == (TWO, True)


def test_a_claim_holds_on_the_whole_machine_and_ends() -> None:
    user = SessionUser(699_990, 699_990)
    first = claim_on_machine(user)
    assert first is not None
    assert claim_on_machine(user) is None
    first.close()
    again = claim_on_machine(user)
    assert again is not None
    again.close()
