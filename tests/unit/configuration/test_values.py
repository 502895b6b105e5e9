from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from sagews.configuration.values import shortened, shown

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(value=st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT, st.lists(TEXT)))
def test_what_is_shown_is_toml_on_one_line(value: object) -> None:
    text = shown(value)
    assert "\n" not in text
    if "://" not in text:
        assert tomllib.loads(f"value = {text}")["value"] == value


@given(value=st.one_of(st.integers(), TEXT, st.lists(TEXT), st.dictionaries(TEXT, TEXT)))
def test_what_is_shortened_is_short_and_printable(value: object) -> None:
    assert len(shortened(value)) <= 60
    assert shortened(value).isprintable()


def test_huge_number_is_not_written_out() -> None:
    assert shortened(10**5000) == "a huge number"
