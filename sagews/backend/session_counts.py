"""Session counts: how many sessions each account has on each worker, told to all the others, which have the limit.

Invariant: what a worker was told on its connection is what the others said last. Between a start on one worker and its
being known on the others there is a moment (a tenth of a second, and the way); who starts many at once on several
workers may have more than the limit by what started in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sagews.backend.switchboard import Switchboard
from sagews.backend.worker_connection import WorkerConnection
from sagews.messages import Frame
from sagews.messages.room import Elsewhere


class SessionCounts:
    """Of all workers, as this backend hears of them."""

    def __init__(self, workers: Sequence[WorkerConnection]) -> None:
        """:param workers: all of the site."""
        self._workers = tuple(workers)
        self._counts: dict[WorkerConnection, Mapping[str, int]] = {}
        self._told: dict[WorkerConnection, Switchboard] = {}
        """The connection on which a worker was told everything."""

    def look(self, worker: WorkerConnection) -> None:
        """It has said something new of itself, was connected, or was lost: tell the others what that changes."""
        before = self._counts.get(worker, {})
        now = self._counts[worker] = worker.room.accounts if worker.room is not None else {}
        changed = {account for account in (*before, *now) if before.get(account, 0) != now.get(account, 0)}
        for other in self._workers:
            if other is not worker and other in self._told:
                self._tell(other, changed)
        if worker.link is not None and self._told.get(worker) is not worker.link:
            self._told[worker] = worker.link
            self._tell(worker, {account for counts in self._counts.values() for account in counts})

    def _tell(self, worker: WorkerConnection, accounts: Iterable[str]) -> None:
        sessions = {account: self._elsewhere(worker, account) for account in sorted(accounts)}
        if sessions and worker.link is not None:
            worker.link.send(Frame(content=Elsewhere(sessions)))

    def _elsewhere(self, worker: WorkerConnection, account: str) -> int:
        return sum(counts.get(account, 0) for other, counts in self._counts.items() if other is not worker)
