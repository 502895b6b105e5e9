"""Promise: whatever lines come, each with a number becomes one record under that number, and none stops another."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sagews.logserver.intake import Sender, set_apart, take

SENDER = Sender("backend", 1, "localhost", "p1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = {"n": 1, "time": 1.5, "level": 20, "name": "sagews.x", "event": "Said", "fields": {"workspace": "w1"}}

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters())),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


def test_a_record_has_what_its_line_has_and_what_the_certificate_says() -> None:
    taken = take(SENDER, json.dumps(GOOD | {"component": "worker"}).encode() + b"\n", NOW)
    (record,) = taken.records
    assert (record.component, record.instance, record.process, record.n) == ("backend", 1, "p1", 1)
    assert (record.at, record.level, record.event) == (datetime.fromtimestamp(1.5, UTC), 20, "Said")
    assert (record.workspace, record.account, record.traceback) == ("w1", None, None)
    assert (taken.refused, taken.lost) == (0, 0)


@given(st.lists(st.one_of(st.binary(max_size=50), JSON.map(lambda value: json.dumps(value).encode()))))
def test_any_bytes_are_taken_or_counted(lines: list[bytes]) -> None:
    good = json.dumps(GOOD).encode()
    data = b"\n".join([good, *lines, good]) + b"\n"
    taken = take(SENDER, data, NOW)
    assert [record.event for record in taken.records].count("Said") == 2
    assert len(taken.records) + taken.lost == sum(bool(line) for line in data.split(b"\n"))


@given(st.sampled_from([*GOOD, "traceback"]), JSON)
def test_any_value_in_any_place_leaves_a_record_with_the_number(name: str, value: Any) -> None:
    entry = GOOD | {"n": 7} | ({name: value} if name != "n" else {"x": value})
    taken = take(SENDER, json.dumps(entry).encode(), NOW)
    (record,) = taken.records
    assert (record.process, record.n) == ("p1", 7)
    assert taken.refused == int(record.event == "Log record refused" and "reason" in record.fields)
    apart = set_apart(record, "reason\0\ud800")
    assert (apart.process, apart.n) == ("p1", 7)
    assert json.dumps(apart.fields).isascii()
    assert all(str(field).isprintable() for field in apart.fields.values())
