"""Tally: what all open workspaces of a worker count together.

Invariant: the sessions of an account are those that wait, start or live on this worker, and those that it has on others
as the backends tell. Where they do not tell the same, the highest number holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

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
        self._elsewhere: dict[object, dict[str, int]] = {}
        """By who told it."""
        self._starts = Rate(starts_per_minute, "sessions started in a short time")

    def begin(self, account: str, maximum: int) -> None:
        """A session of this account begins.

        :param maximum: that it may have at once; 0 = any number.
        :raises OverLimit: it has as many, or has begun too many just now.
        """
        elsewhere = self._on_others(account)
        if maximum and self._sessions[account] + elsewhere >= maximum:
            where = f" ({elsewhere} of them on other workers)" if elsewhere else ""
            raise OverLimit(
                f"The owner of this workspace may have {maximum} session{'s' if maximum > 1 else ''} at once, "
                f"and has {self._sessions[account] + elsewhere} already{where}.",
                mend="Shut one of them down.",
            )
        self._starts.take(account)
        self._sessions[account] += 1

    def end(self, account: str) -> None:
        """It is over."""
        self._sessions[account] -= 1
        if not self._sessions[account]:
            del self._sessions[account]

    def sessions(self) -> dict[str, int]:
        """Of each account that has one here."""
        return dict(self._sessions)

    def heard(self, teller: object, sessions: Mapping[str, int]) -> None:
        """A backend tells how many sessions these accounts have on other workers."""
        known = self._elsewhere.setdefault(teller, {})
        known.update(sessions)
        for account in [name for name, count in known.items() if count <= 0]:
            del known[account]

    def forget(self, teller: object) -> None:
        """It tells nothing any more; repeatable."""
        self._elsewhere.pop(teller, None)

    def _on_others(self, account: str) -> int:
        return max((told.get(account, 0) for told in self._elsewhere.values()), default=0)
