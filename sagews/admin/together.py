"""Doing several things at once, such as asking every machine of a site.

Invariant: Ctrl-C ends the program at once, whatever the others are waiting for; what runs on other machines goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
Outcome = tuple[int, T | None, BaseException | None]


def together(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Do all at once, each in a thread that does not hold up the end of the program; what each gave, in their order.

    :raises Exception: the first that one raised, when all are done.
    """
    done: SimpleQueue[Outcome[T]] = SimpleQueue()

    def do(place: int, task: Callable[[], T]) -> None:
        try:
            done.put((place, task(), None))
        except BaseException as error:  # noqa: BLE001 - it is raised by whoever asked for this
            done.put((place, None, error))

    for place, task in enumerate(tasks):
        Thread(target=do, args=(place, task), daemon=True).start()
    outcomes = sorted((done.get() for _ in tasks), key=lambda outcome: outcome[0])
    for _, _, error in outcomes:
        if error is not None:
            raise error
    return [result for _, result, _ in outcomes]  # type: ignore[misc]  # none of them has failed
