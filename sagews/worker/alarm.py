"""Alarm: a timer that can be set again and taken back; 0 seconds = never. Idle and wall limits are alarms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls once, some time after it was last set."""

    def __init__(self, seconds: float, ring: Callable[[], None]) -> None:
        """:param seconds: 0 = it never rings."""
        self._seconds = seconds
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Ring in so many seconds from now, and not before."""
        self.stop()
        if self._seconds > 0:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._ring)

    def stop(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def duration(seconds: float) -> str:
    """For people: "30 min", "90 s", "2 h"."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
