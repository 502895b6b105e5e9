"""How often one peer may do something: token buckets by name.

Invariant: holds at most `LARGEST` names, whoever asks; a name that is forgotten has a full bucket.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from sagews.errors import OverLimit

LARGEST = 10_000


class Rate:
    """Allows so many a minute for each name, and as many at once."""

    def __init__(self, per_minute: int, what: str, seconds: Callable[[], float] = time.monotonic) -> None:
        """
        :param per_minute: 1 or more.
        :param what: what is limited, for people: "attempts to sign in".
        :param seconds: a clock that only goes forward.
        """
        self._per_minute = per_minute
        self._what = what
        self._seconds = seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, name: str) -> None:
        """Refuse, where nothing is left.

        :raises OverLimit: with the time to wait.
        """
        wait = self.wait_seconds(name)
        if wait:
            raise OverLimit(f"Too many {self._what}.", mend=f"Wait {max(1, round(wait))} s and try again.")

    def wait_seconds(self, name: str) -> float:
        """How long until there is one; 0 = there is one now."""
        left = self._left(name)
        return 0.0 if left >= 1 else (1 - left) * 60 / self._per_minute

    def take(self, name: str) -> None:
        """Count one.

        :raises OverLimit: as `check`; then it is not counted.
        """
        self.check(name)
        self.count(name)

    def count(self, name: str) -> None:
        """Count one that was not refused."""
        self._buckets[name] = (self._left(name) - 1, self._seconds())
        self._buckets.move_to_end(name)
        while len(self._buckets) > LARGEST:
            self._buckets.popitem(last=False)

    def give_back(self, name: str) -> None:
        """It did not count after all."""
        if name in self._buckets:
            self._buckets[name] = (self._left(name) + 1, self._seconds())

    def _left(self, name: str) -> float:
        left, then = self._buckets.get(name, (float(self._per_minute), 0.0))
        return min(float(self._per_minute), left + (self._seconds() - then) * self._per_minute / 60)
