"""SessionRuns: the runs of one session, from the queue to their end, and what they say.

Invariant: a run's events come in the order queued, started, output, ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sagews.messages import jupyter
from sagews.messages.frame import Frame, Message
from sagews.messages.records import Limits
from sagews.messages.workspace import RunEnded, RunQueued, RunStarted
from sagews.worker.capacity import Capacity
from sagews.worker.disk_watch import DiskWatch
from sagews.worker.environments import Environments
from sagews.worker.kept_output import KeptOutput
from sagews.worker.people import People
from sagews.worker.run import EndStatus, Run
from sagews.worker.run_output import RunOutput
from sagews.worker.run_queue import RunQueue
from sagews.worker.run_records import RunRecords
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream
from sagews.worker.tally import Tally


@dataclass(frozen=True)
class Surroundings:
    """What the sessions of one open workspace share."""

    stream: NumberedStream
    records: RunRecords
    environments: Environments
    capacity: Capacity
    folder: Path
    kept_file: Callable[[str], Path]
    """Where the text of a run is kept."""
    limits: Limits
    settings: WorkerSettings
    people: People
    disk: DiskWatch
    tally: Tally


class SessionRuns:
    """Of one session; restarts included."""

    def __init__(self, around: Surroundings, session: str) -> None:
        """:param session: its name."""
        self.queue = RunQueue(around.settings.queued_runs)
        self.on_outputs: Callable[[str], None] = lambda document: None
        """Gets the document whose cells have outputs that they had not, or runs that are over."""
        self._around = around
        self._session = session
        self._output: RunOutput | None = None

    @property
    def run(self) -> str:
        """The run that what the session says belongs to; "" = none."""
        return self._output.run.id if self._output else ""

    def add(self, runs: list[Run]) -> None:
        """Queue runs; their events say so."""
        for run in runs:
            run.queued = time.time()
            self._around.records.add(run)
            self.queue.add(run)
            self.tell(RunQueued(run.document, run.cell, run.queued), run.id)

    def cancel(self, reason: str, ids: tuple[str, ...] = ()) -> None:
        """Take runs that wait (none = all) out of the queue."""
        for run in self.queue.cancel(ids):
            self._end(run, "interrupted", reason=reason)

    def begin(self, run: Run, interrupt: Callable[[], None]) -> Frame:
        """Begin a run that the queue gave; returns what the session is to be told.

        :param interrupt: is called when the run reaches an output limit.
        """
        self.close_output()
        settings, maximum = self._around.settings, self._around.limits.output_bytes
        path = self._around.kept_file(run.id)
        kept = KeptOutput(path, settings.output_shown_bytes, settings.output_tail_bytes, maximum)
        self._output = RunOutput(run, kept, self._around.stream, settings.rich_bytes, interrupt)
        run.status, run.started = "running", time.time()
        self.tell(RunStarted(run.document, run.cell, run.started), run.id)
        request = jupyter.ExecuteRequest(
            run.code, silent=run.silent, store_history=run.store_history, allow_stdin=run.allow_stdin
        )
        return Frame(content=request, run=run.id)

    def text(self, content: jupyter.Stream) -> None:
        """Text that the session wrote."""
        self._around.tally.output_bytes += len(content.text)
        if self._output is not None:
            self._output.text(content.name, content.text)
            self.on_outputs(self._output.run.document)
        else:
            self.tell(content)

    def shown(self, content: Message) -> None:
        """Something else that it shows."""
        if isinstance(content, jupyter.UpdateDisplayData):
            for document in self._around.records.update_display(content, self._session):
                self.on_outputs(document)
            self.tell(content, self.run)
        elif self._output is not None:
            self._output.show(content)
            self.on_outputs(self._output.run.document)
        else:
            self.tell(content)

    def replied(self, content: jupyter.ExecuteReply) -> None:
        """The running one is over; after an error, so are the others of its command."""
        run = self.queue.running
        if run is None:
            return
        run.execution_count = content.execution_count
        status: EndStatus = "ok" if content.status == "ok" else "error"
        if content.status == "aborted" or (run.interrupted and content.ename == "KeyboardInterrupt"):
            status = "interrupted"
        self._end(run, status)
        if status != "ok":
            for later in self.queue.cancel_command(run.command):
                self._end(later, "interrupted", reason="an earlier cell failed")

    def died(self, reason: str) -> None:
        """The session died, and with it what ran."""
        if self.queue.running is not None:
            self._end(self.queue.running, "died", reason=reason)

    def close_output(self) -> None:
        """What comes from now on belongs to no run."""
        if self._output is not None:
            self._output.close()
            self._output = None

    def tell(self, content: Message, run: str = "") -> None:
        """Tell it to everyone who follows, as an event of this session."""
        self._around.stream.append(content, session=self._session, run=run)

    def _end(self, run: Run, status: EndStatus, reason: str = "") -> None:
        if self._output is not None and self._output.run is run:
            self._output.end()
        if self.queue.running is run:
            self.queue.finish()
        run.status, run.ended = status, time.time()
        self.tell(RunEnded(status, run.document, run.cell, run.execution_count, run.ended, reason), run.id)
        self.on_outputs(run.document)
