"""Deadline: a time limit that warns a while before it ends something; 0 seconds = never."""

from __future__ import annotations

from collections.abc import Callable

from sagews.worker.alarm import Alarm

WARNED_BEFORE = 0.1
"""So much of the time is left when it is warned of ..."""
LONGEST_WARNING_SECONDS = 300.0
"""... but no more than this."""


class Deadline:
    """Of one session: how long it may live, or how long it may be idle."""

    def __init__(self, seconds: float, warn: Callable[[float], None], end: Callable[[], None]) -> None:
        """
        :param seconds: from `set` to the end; 0 = never.
        :param warn: is told how many seconds are left.
        """
        self.left_seconds = min(seconds * WARNED_BEFORE, LONGEST_WARNING_SECONDS)
        """How long before the end it warns."""
        self._warning = Alarm(seconds - self.left_seconds, lambda: warn(self.left_seconds))
        self._end = Alarm(seconds, end)

    def set(self) -> None:
        """Begin anew from now."""
        self._warning.set()
        self._end.set()

    def stop(self) -> None:
        """Neither warn nor end."""
        self._warning.stop()
        self._end.stop()
