"""A peer that says nothing cannot keep others out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sagews.strangers import Strangers


def test_the_oldest_of_the_greediest_makes_room() -> None:
    cut: list[tuple[str, str]] = []
    strangers: Strangers[str] = Strangers(3, lambda who, peer: cut.append((who, peer)))
    strangers.came("good", "one")
    strangers.came("bad1", "two")
    strangers.came("bad2", "two")
    strangers.came("other", "three")
    assert cut == [("bad1", "two")]
    assert "good" in strangers
    strangers.left("good")
    strangers.left("good")
    strangers.came("bad3", "two")
    assert len(cut) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())), st.integers(1, 5))
def test_never_too_many_and_the_newest_stays(comings: list[tuple[str, bool]], maximum: int) -> None:
    cut: list[int] = []
    strangers: Strangers[int] = Strangers(maximum, lambda who, peer: cut.append(who))
    inside: set[int] = set()
    for number, (peer, leaves) in enumerate(comings):
        strangers.came(number, peer)
        inside = (inside | {number}) - set(cut)
        assert number in strangers
        assert len(strangers) == len(inside) <= maximum
        if leaves:
            strangers.left(number)
            inside.discard(number)
