"""Promise: one address is in use, the next one where it does not answer, and none is forgotten."""

from __future__ import annotations

import pytest

from sagews.client.origins import Origins
from sagews.errors import UsageError


def test_the_next_one_is_used_where_one_does_not_answer() -> None:
    origins = Origins(["https://a/", "https://b"])
    assert origins.in_turn() == ("https://a", "https://b")
    origins.leave("https://a")
    assert origins.in_turn() == ("https://b", "https://a")
    origins.leave("https://a")
    assert origins.current == "https://b", "it was not in use any more"
    origins.leave("https://b")
    assert origins.current == "https://a"


def test_more_are_learnt_and_each_is_there_once() -> None:
    origins = Origins("https://a")
    origins.add(["https://a/", "https://b"])
    origins.use("https://b")
    assert origins.in_turn() == ("https://b", "https://a")


def test_a_site_has_an_address() -> None:
    with pytest.raises(UsageError):
        Origins([])
