"""OutputPace: how many plots, widgets' messages and the like a session shows in a second.

A page that is sent thousands in a second freezes. Nothing is thrown away: a session that shows more is not read for a
moment, and waits. Text does not count; of it only a part is shown (`kept_output`).
"""

from __future__ import annotations

import asyncio
from typing import Protocol

BURST_SECONDS = 2.0
"""What may be shown in this time may be shown at once."""
PAUSE_SECONDS = 0.05
"""At least, so that there are not thousands of pauses."""


class Paced(Protocol):
    """A session that can be left unread for a while."""

    def pause_output(self) -> None:
        """Read nothing of it for now."""

    def resume_output(self) -> None:
        """Read again."""


class OutputPace:
    """Of one session."""

    def __init__(self, per_second: int, session: Paced) -> None:
        """:param per_second: 0 = as many as it likes."""
        self._per_second = per_second
        self._session = session
        self._left = per_second * BURST_SECONDS
        self._seen = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def shown(self) -> None:
        """One more was shown."""
        if not self._per_second:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._left = min(self._per_second * BURST_SECONDS, self._left + (now - self._seen) * self._per_second) - 1
        self._seen = now
        if self._left < 0 and self._timer is None:
            self._session.pause_output()
            self._timer = loop.call_later(max(PAUSE_SECONDS, -self._left / self._per_second), self._resume)

    def stop(self) -> None:
        """The session has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _resume(self) -> None:
        self._timer = None
        self._session.resume_output()
