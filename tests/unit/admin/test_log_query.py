from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sagews.admin.log_query import component, level_name, moment
from sagews.errors import UsageError

NOW = datetime.now().astimezone().replace(hour=12, minute=30, second=0, microsecond=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", NOW - timedelta(minutes=10)),
        ("1.5h", NOW - timedelta(hours=1.5)),
        ("2w", NOW - timedelta(weeks=2)),
        ("12:00", NOW.replace(minute=0)),
        ("12:29:59", NOW - timedelta(seconds=1)),
        ("2026-01-31", datetime(2026, 1, 31).astimezone()),
        ("2026-01-31 14:30", datetime(2026, 1, 31, 14, 30).astimezone()),
        ("2026-01-31T14:30:00+05:00", datetime(2026, 1, 31, 14, 30, tzinfo=timezone(timedelta(hours=5)))),
    ],
)
def test_times_as_people_write_them(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


def test_a_clock_time_that_is_still_to_come_was_yesterday() -> None:
    late = moment("23:59", NOW)
    assert late < NOW
    assert (late.hour, late.minute) == (23, 59)


@pytest.mark.parametrize("text", ["", "m", "10", "10y", "25:00", "2026-13-01", "9" * 30 + "w", "tomorrow"])
def test_what_is_no_time_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError, match="allowed: 10m"):
        moment(text, NOW)


def test_components() -> None:
    assert component("worker") == ("worker", None)
    assert component("backend:12") == ("backend", 12)
    for wrong in ("worker:", "worker:-1", "nobody", ""):
        with pytest.raises(UsageError, match=r"allowed|did you mean"):
            component(wrong)


def test_levels_between_two_have_the_lower_name() -> None:
    assert [level_name(level) for level in (0, 10, 25, 30, 99)] == ["debug", "debug", "info", "warning", "critical"]
