"""Tally: what all open workspaces of a worker count together.

Invariant: the sessions of an account are those that wait, start or live on this worker.
"""

from __future__ import annotations

from collections import Counter

from sagews.errors import OverLimit
from sagews.rates import Rate
from sagews.worker.session_end import Code

STARTS_PER_MINUTE = 120
"""Of one account; each costs a fork. As many at once, after a quiet minute."""


class Tally:
    """Of one worker."""

    def __init__(self, starts_per_minute: int = STARTS_PER_MINUTE) -> None:
        """Nothing has happened yet."""
        self.output_bytes = 0
        """Of text that sessions have written since the worker started."""
        self.ends: Counter[Code] = Counter()
        """Sessions that have ended, by the code of their reason."""
        self._sessions: Counter[str] = Counter()
        self._starts = Rate(starts_per_minute, "sessions started in a short time")

    def begin(self, account: str, maximum: int) -> None:
        """A session of this account begins.

        :param maximum: that it may have at once; 0 = any number.
        :raises OverLimit: it has as many, or has begun too many just now.
        """
        if maximum and self._sessions[account] >= maximum:
            raise OverLimit(
                f"The owner of this workspace has {maximum} sessions already, as many as the account may.",
                mend="Shut one of them down.",
            )
        self._starts.take(account)
        self._sessions[account] += 1

    def end(self, account: str) -> None:
        """It is over."""
        self._sessions[account] -= 1
        if not self._sessions[account]:
            del self._sessions[account]
