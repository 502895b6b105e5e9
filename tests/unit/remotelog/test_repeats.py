"""One event cannot fill the log, hides no other, and says what was left out."""

from __future__ import annotations

import logging

from sagews.remotelog.repeats import PER_SECOND, Repeats

AT_ONCE = 1000


def record(event: str) -> logging.LogRecord:
    return logging.LogRecord("sagews.worker", logging.WARNING, __file__, 1, event, None, None)


def test_a_flood_is_cut_and_counted() -> None:
    now = 0.0
    repeats = Repeats(AT_ONCE, lambda: now)
    kept = [repeats.filter(record("Peer turned away")) for _ in range(AT_ONCE + 500)]
    assert sum(map(bool, kept)) == AT_ONCE
    assert repeats.filter(record("Session ended"))
    now += 2 / PER_SECOND
    later = record("Peer turned away")
    assert repeats.filter(later)
    assert later.left_out == 500  # type: ignore[attr-defined]
    again = record("Peer turned away")
    assert repeats.filter(again)
    assert not hasattr(again, "left_out")
    assert not repeats.filter(record("Peer turned away"))
