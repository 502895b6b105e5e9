from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tests.logwatch import Expectation, LogWatch
from tests.waiting import eventually

log = logging.getLogger("sagews.example")


@pytest.fixture
def watch() -> LogWatch:
    return LogWatch()


def say(watch: LogWatch, level: int, message: str) -> None:
    record = logging.LogRecord("sagews.example", level, __file__, 1, message, None, None)
    watch.handle(record)


def test_an_undeclared_warning_is_a_complaint(watch: LogWatch) -> None:
    say(watch, logging.WARNING, "Disk is nearly full")
    assert "WARNING sagews.example: Disk is nearly full" in watch.complaint()


def test_a_declared_warning_is_none(watch: LogWatch) -> None:
    watch.expect("sagews", "Disk .* full")
    say(watch, logging.WARNING, "Disk is nearly full")
    assert watch.complaint() == ""


def test_a_declared_line_that_never_comes_is_a_complaint(watch: LogWatch) -> None:
    watch.expect("sagews", "Disk .* full")
    assert "never came" in watch.complaint()


def test_another_logger_is_not_meant(watch: LogWatch) -> None:
    watch.expect("sagews.exam", "Disk")
    say(watch, logging.ERROR, "Disk is full")
    assert "unexpected" in watch.complaint()


def test_the_fixture_hears_real_loggers(expected_log: Callable[[str, str], Expectation]) -> None:
    expectation = expected_log("sagews.example", "on purpose")
    log.error("Failed on purpose")
    assert expectation.seen == 1


async def test_eventually_returns_the_value() -> None:
    values = iter([0, 0, 7])
    assert await eventually(lambda: next(values)) == 7


async def test_eventually_tells_the_last_state() -> None:
    with pytest.raises(AssertionError, match="at last was \\[\\]"):
        await eventually(list, within_seconds=0)


async def test_eventually_waits_for_asserts_too() -> None:
    count = 0

    async def third_time() -> bool:
        nonlocal count
        count += 1
        assert count >= 3
        return True

    assert await eventually(third_time)
