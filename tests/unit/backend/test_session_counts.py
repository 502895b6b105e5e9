"""What each worker is told of the sessions on the others."""

from __future__ import annotations

from typing import cast

from sagews.backend.session_counts import SessionCounts
from sagews.backend.worker_connection import WorkerConnection
from sagews.messages import Frame
from sagews.messages.room import Elsewhere, Room


class Link:
    """A connection that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, int]] = []

    def send(self, frame: Frame) -> None:
        assert isinstance(frame.content, Elsewhere)
        self.sent.append(frame.content.sessions)


class Worker:
    """A worker, as far as it is looked at."""

    def __init__(self, link: Link | None = None) -> None:
        self.link = link
        self.room: Room | None = None

    def says(self, counts: SessionCounts, **accounts: int) -> None:
        self.room = Room(100, accounts=accounts)
        counts.look(cast(WorkerConnection, self))

    def is_lost(self, counts: SessionCounts) -> None:
        self.room = None
        counts.look(cast(WorkerConnection, self))


def counts_of(*workers: Worker) -> SessionCounts:
    counts = SessionCounts([cast(WorkerConnection, worker) for worker in workers])
    for worker in workers:
        counts.look(cast(WorkerConnection, worker))
    return counts


def test_each_is_told_what_changed_on_the_others() -> None:
    links = [Link(), Link(), Link()]
    one, two, three = (Worker(link) for link in links)
    counts = counts_of(one, two, three)
    one.says(counts, ada=2)
    two.says(counts, ada=1, grace=1)
    one.says(counts, ada=2)
    one.says(counts)
    assert links[0].sent == [{"ada": 1, "grace": 1}]
    assert links[1].sent == [{"ada": 2}, {"ada": 0}]
    assert links[2].sent == [{"ada": 2}, {"ada": 3, "grace": 1}, {"ada": 1}]


def test_one_that_is_lost_has_none_and_one_that_comes_is_told_everything() -> None:
    links = [Link(), Link()]
    one, two = Worker(links[0]), Worker()
    counts = counts_of(one, two)
    one.says(counts, ada=2)
    two.link = links[1]
    two.says(counts, grace=1)
    assert links[1].sent == [{"ada": 2, "grace": 0}]
    one.is_lost(counts)
    assert links[1].sent[1:] == [{"ada": 0}]
    one.link = again = Link()
    one.says(counts)
    assert again.sent == [{"grace": 1}]
