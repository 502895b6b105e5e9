"""Repeats: keeps one event from filling the log.

What people do can make a program log: each refused connection, each session that dies at once. Invariant: of one
event (logger and text) no more than a given number of records come at once, and `PER_SECOND` after that; how many were
left out stands in the next one that comes, as the field `left_out`.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

PER_SECOND = 20.0
EVENTS = 1000
"""That are remembered; one that is forgotten begins anew."""


@dataclass
class _Bucket:
    left: float
    seen: float
    left_out: int = 0


class Repeats(logging.Filter):
    """For handlers; each has its own."""

    def __init__(self, at_once: int, seconds: Callable[[], float] = time.monotonic) -> None:
        """
        :param at_once: records of one event, 1 or more.
        :param seconds: a clock that only goes forward.
        """
        super().__init__()
        self._at_once = float(at_once)
        self._seconds = seconds
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it goes into the log."""
        key, now = (record.name, str(record.msg)), self._seconds()
        bucket = self._buckets.setdefault(key, _Bucket(self._at_once, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > EVENTS:
            self._buckets.popitem(last=False)
        bucket.left = min(self._at_once, bucket.left + (now - bucket.seen) * PER_SECOND)
        bucket.seen = now
        if bucket.left < 1:
            bucket.left_out += 1
            return False
        bucket.left -= 1
        if bucket.left_out:
            record.left_out = bucket.left_out
            bucket.left_out = 0
        return True
