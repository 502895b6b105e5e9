"""Guests: the live connections of clients, of which nobody may have too many.

Invariant: a connection that has not said who it is counts by its address (`strangers`), one that has by its account.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Protocol

from sagews.errors import OverLimit
from sagews.strangers import Strangers

log = logging.getLogger(__name__)


class Guest(Protocol):
    """A live connection."""

    def turn_away(self, error: OverLimit) -> None:
        """Say why, and close."""


class Guests:
    """Of one backend."""

    def __init__(self, strangers: int, per_account: int) -> None:
        """
        :param strangers: so many may not have said who they are.
        :param per_account: so many may be of one account.
        """
        self._strangers: Strangers[Guest] = Strangers(strangers, _cut)
        self._per_account = per_account
        self._accounts: dict[Guest, str] = {}
        self._counts: Counter[str] = Counter()

    def came(self, guest: Guest, address: str) -> None:
        """Somebody is at the door."""
        self._strangers.came(guest, address)

    def greeted(self, guest: Guest, account: str) -> None:
        """It is of this account.

        :raises OverLimit: the account has as many as it may.
        """
        self._strangers.left(guest)
        if self._counts[account] >= self._per_account:
            raise OverLimit(
                f"The account has {self._per_account} live connections, as many as it may.",
                mend="Close pages and programs that are not needed.",
            )
        self._accounts[guest] = account
        self._counts[account] += 1

    def left(self, guest: Guest) -> None:
        """It is gone; repeatable."""
        self._strangers.left(guest)
        account = self._accounts.pop(guest, "")
        if account:
            self._counts[account] -= 1
            if not self._counts[account]:
                del self._counts[account]


def _cut(guest: Guest, address: str) -> None:
    log.warning("Stranger cut", extra={"action": "stranger_cut", "peer": address})
    guest.turn_away(OverLimit("Too many connections have not said who they are."))
