"""RunQueue: the runs of one session that wait for their turn, and the one that has it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator

from sagews.errors import OverLimit
from sagews.worker.run import Run


class RunQueue:
    """First in, first out, one at a time."""

    def __init__(self, maximum: int) -> None:
        """:param maximum: so many runs may wait."""
        self.running: Run | None = None
        self._waiting: deque[Run] = deque()
        self._maximum = maximum

    def __iter__(self) -> Iterator[Run]:
        """The running one, then those that wait."""
        if self.running is not None:
            yield self.running
        yield from self._waiting

    @property
    def idle(self) -> bool:
        """Nothing runs or waits."""
        return self.running is None and not self._waiting

    def check_room(self, count: int) -> None:
        """Raises OverLimit where so many more cannot wait."""
        if len(self._waiting) + count > self._maximum:
            raise OverLimit(f"{len(self._waiting)} runs wait in this session; at most {self._maximum} may.")

    def add(self, run: Run) -> None:
        """Let it wait behind the others."""
        self._waiting.append(run)

    def take_next(self) -> Run | None:
        """Give the turn to the next one; None where one runs or none waits."""
        if self.running is not None or not self._waiting:
            return None
        self.running = self._waiting.popleft()
        return self.running

    def finish(self) -> None:
        """The running one is over."""
        self.running = None

    def cancel(self, ids: Collection[str] = ()) -> list[Run]:
        """Take these (none = all) out of those that wait; returns them."""
        return self._take_out(lambda run: not ids or run.id in ids)

    def cancel_command(self, command: object) -> list[Run]:
        """Take out those that were queued by the same command; returns them."""
        return self._take_out(lambda run: run.command is command)

    def _take_out(self, chosen: Callable[[Run], bool]) -> list[Run]:
        taken = [run for run in self._waiting if chosen(run)]
        self._waiting = deque(run for run in self._waiting if run not in taken)
        return taken
