"""RunRecords: the last run of every cell, and the latest runs of `execute`, of one open workspace."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

from sagews.messages import jupyter
from sagews.messages.records import CellRun
from sagews.worker.run import Run


class RunRecords:
    """What a snapshot's `cells` and a worksheet's file have of runs."""

    def __init__(self, ended_runs: int) -> None:
        """:param ended_runs: so many runs of `execute` are remembered after their end."""
        self._by_cell: dict[tuple[str, str], Run] = {}
        self._executed: deque[Run] = deque()
        self._ended_runs = ended_runs

    def add(self, run: Run) -> None:
        """A run is queued; it takes the place of its cell's last one."""
        if run.cell:
            self._by_cell[run.document, run.cell] = run
            return
        self._executed.append(run)
        ended = [run for run in self._executed if run.ended]
        for old in ended[: max(0, len(ended) - self._ended_runs)]:
            self._executed.remove(old)

    def __iter__(self) -> Iterator[Run]:
        """All of them."""
        yield from self._by_cell.values()
        yield from self._executed

    def of_document(self, document: str) -> dict[str, Run]:
        """The last run of each of its cells."""
        return {cell: run for (owner, cell), run in self._by_cell.items() if owner == document}

    def records(self) -> tuple[CellRun, ...]:
        """As a snapshot has them, as far as they fit."""
        return tuple(run.record() for run in self)

    def clear(self, document: str, cells: Collection[str]) -> None:
        """Forget the outputs of these cells (none = all); what still runs goes on."""
        for cell, run in self.of_document(document).items():
            if not cells or cell in cells:
                run.outputs.clear()
                run.hidden_bytes = 0
                if run.ended:
                    del self._by_cell[document, cell]

    def keep_only(self, document: str, cells: Collection[str]) -> None:
        """Forget the ended runs of cells that the document does not have any more."""
        for cell, run in self.of_document(document).items():
            if cell not in cells and run.ended:
                del self._by_cell[document, cell]

    def forget(self, document: str) -> None:
        """Forget everything of a document."""
        for cell in self.of_document(document):
            del self._by_cell[document, cell]

    def update_display(self, content: jupyter.UpdateDisplayData, session: str) -> set[str]:
        """Give what a session showed under a display id its new form, wherever it stands; returns the documents."""
        return {run.document for run in self if run.session == session and run.outputs.update_display(content)}
