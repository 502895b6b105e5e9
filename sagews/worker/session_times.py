"""SessionTimes: how long a session may live, be idle, and wait for a line, with the warnings before.

Invariant: each is an alarm of the event loop's clock, which no change of the system's clock moves; nothing polls.
"""

from __future__ import annotations

from typing import Protocol

from sagews.messages.records import Limits
from sagews.worker.alarm import Alarm, duration
from sagews.worker.deadline import Deadline
from sagews.worker.session_end import Code


class Timed(Protocol):
    """What happens to a session when a time is over."""

    def warn(self, text: str) -> None:
        """Let people know."""

    def interrupt(self) -> None:
        """Stop what it evaluates."""

    def end(self, reason: str, code: Code) -> None:
        """End it."""

    def quit(self, reason: str) -> None:
        """End it, after it could keep what it has."""


class SessionTimes:
    """Of one session."""

    def __init__(self, session: Timed, limits: Limits, input_seconds: float) -> None:
        """
        :param input_seconds: how long a program may wait for a line; 0 = for ever.
        """
        self._session = session
        self._idle_limit, self._wall_limit = duration(limits.idle_seconds), duration(limits.wall_seconds)
        self._idle = Deadline(
            limits.idle_seconds, self._idle_soon, lambda: session.end(f"idle {self._idle_limit}", "idle")
        )
        self._wall = Deadline(
            limits.wall_seconds, self._over_soon, lambda: session.quit(f"wall time limit {self._wall_limit}")
        )
        self._unanswered = Alarm(input_seconds, session.interrupt)

    def started(self) -> None:
        """It lives."""
        self._wall.set()

    def idle(self) -> None:
        """Nothing runs in it."""
        self._idle.set()

    def busy(self) -> None:
        """Something does."""
        self._idle.stop()

    def asked(self) -> None:
        """Its program waits for a line."""
        self._unanswered.set()

    def answered(self) -> None:
        """It does not any more."""
        self._unanswered.stop()

    def over(self) -> None:
        """It has ended."""
        self._idle.stop()
        self._wall.stop()
        self._unanswered.stop()

    def _over_soon(self, left_seconds: float) -> None:
        left = duration(left_seconds)
        self._session.warn(f"The session ends in {left}: it may live {self._wall_limit}. Files and cells stay.")

    def _idle_soon(self, left_seconds: float) -> None:
        left = duration(left_seconds)
        self._session.warn(f"Nothing has run here for a while. The session ends after {self._idle_limit}, in {left}.")
