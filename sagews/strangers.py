"""Strangers: connections that have not said who they are, and may not be too many.

Invariant: there are never more than the maximum. One more makes room for itself: of the peer that has most of them, the
one that has waited longest is cut. So a peer that opens many and says nothing loses its own, and cannot keep others
out, who say who they are within milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Strangers(Generic[T]):
    """At one door."""

    def __init__(self, maximum: int, cut: Callable[[T, str], None]) -> None:
        """
        :param maximum: 1 or more.
        :param cut: is given who has to go, and its peer; it is no stranger any more then.
        """
        self._maximum = maximum
        self._cut = cut
        self._peers: dict[T, str] = {}
        self._of_peer: dict[str, dict[T, None]] = {}
        """In the order in which they came."""

    def __len__(self) -> int:
        return len(self._peers)

    def __contains__(self, stranger: object) -> bool:
        return stranger in self._peers

    def came(self, stranger: T, peer: str) -> None:
        """
        :param peer: where it comes from: an address.
        """
        while len(self._peers) >= self._maximum:
            greediest = max(self._of_peer, key=lambda name: len(self._of_peer[name]))
            oldest = next(iter(self._of_peer[greediest]))
            self.left(oldest)
            self._cut(oldest, greediest)
        self._peers[stranger] = peer
        self._of_peer.setdefault(peer, {})[stranger] = None

    def left(self, stranger: T) -> None:
        """It has said who it is, or is gone; repeatable."""
        peer = self._peers.pop(stranger, None)
        if peer is None:
            return
        del self._of_peer[peer][stranger]
        if not self._of_peer[peer]:
            del self._of_peer[peer]
