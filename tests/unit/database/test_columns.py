"""Escaping text that a database cannot hold."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from sagews.database.columns import ESCAPE, Moment, escape, unescape

AWKWARD = st.text(st.one_of(st.characters(), st.sampled_from(["\0", ESCAPE, "\ud800", "\udfff", "0", "1", "a"])))


@given(AWKWARD)
def test_escaping_is_undone(text: str) -> None:
    assert unescape(escape(text)) == text


@given(AWKWARD)
def test_escaped_text_can_be_stored(text: str) -> None:
    assert "\0" not in escape(text)
    escape(text).encode("utf-8")


@given(AWKWARD, AWKWARD)
def test_different_texts_stay_different(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_usual_text_is_stored_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Moment().process_bind_param(datetime(2026, 1, 1), SQLiteDialect())
