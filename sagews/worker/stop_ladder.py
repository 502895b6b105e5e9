"""StopLadder: stopping what runs in steps, each harder than the one before, until it has stopped.

Invariant: a step is taken only while nobody has left the ladder; who climbs it climbs it once at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long a program has, in seconds, before the next step is taken."""

    again_seconds: float = 2.0
    """From the first SIGINT to the second."""
    kill_seconds: float = 5.0
    """From the second SIGINT to SIGKILL."""
    quit_seconds: float = 5.0
    """From SIGQUIT to SIGKILL, where the time of a session is over."""


DEFAULT_PATIENCE = Patience()

Step = tuple[float, Callable[[], None]]
"""So many seconds after the step before, do this."""


class StopLadder:
    """Of one session."""

    def __init__(self) -> None:
        """Nobody is on it."""
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def is_climbed(self) -> bool:
        """Whether steps are still to come."""
        return bool(self._timers)

    def climb(self, *steps: Step) -> None:
        """Take these steps, one after the other; those of a ladder that is climbed already are dropped."""
        self.leave()
        loop, after = asyncio.get_running_loop(), 0.0
        for seconds, step in steps:
            after += seconds
            self._timers.append(loop.call_later(after, step))

    def leave(self) -> None:
        """It has stopped, or goes on: take no further step."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
