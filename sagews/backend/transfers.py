"""How many transfers of files each account has under way, each of which holds a connection to a worker.

Invariant: only accounts with a transfer under way are remembered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sagews.errors import OverLimit


class Transfers:
    """Allows each account so many at once."""

    def __init__(self, maximum: int) -> None:
        """:param maximum: for one account, 1 or more."""
        self._maximum = maximum
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one(self, account: str) -> Iterator[None]:
        """One more, for the time of the block.

        :raises OverLimit: the account has as many as it may.
        """
        if self._under_way[account] >= self._maximum:
            raise OverLimit(
                f"Your account has {self._maximum} transfers of files under way, as many as it may.",
                mend="Try again when one of them has ended.",
            )
        self._under_way[account] += 1
        try:
            yield
        finally:
            self._under_way[account] -= 1
            if not self._under_way[account]:
                del self._under_way[account]
