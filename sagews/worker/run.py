"""Run: one evaluation, of a cell or by `execute`, from the queue to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sagews.messages.outputs import Outputs
from sagews.messages.records import CellRun, QueuedRun
from sagews.worker.kept_output import KeptOutput

EndStatus = Literal["ok", "error", "interrupted", "died"]
Status = Literal["queued", "running", "ok", "error", "interrupted", "died"]


@dataclass(eq=False)
class Run:
    """One evaluation and what it has shown so far."""

    id: str
    session: str
    code: str = ""
    document: str = ""
    cell: str = ""
    command: object = None
    """Runs of one command have the same: after an error the later ones are cancelled."""
    silent: bool = False
    store_history: bool = True
    allow_stdin: bool = True
    status: Status = "queued"
    execution_count: int = 0
    queued: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    outputs: Outputs = field(default_factory=Outputs)
    kept: KeptOutput | None = None
    hidden_bytes: int = 0
    """After its end: of text that the outputs lack."""
    rich_bytes: int = 0
    interrupted: bool = False
    """Somebody asked for it to be interrupted."""

    def record(self) -> CellRun:
        """As a snapshot has it."""
        kept = self.kept
        hidden = kept.untold_bytes if kept is not None and kept.cut and not self.ended else self.hidden_bytes
        return CellRun(
            document=self.document,
            cell=self.cell,
            run=self.id,
            status=self.status,
            execution_count=self.execution_count,
            outputs=self.outputs.with_displays(),
            started=self.started,
            ended=self.ended,
            cut=hidden > 0,
            hidden_bytes=hidden,
            kept_bytes=kept.kept_bytes if kept is not None else 0,
            kept_lines=kept.kept_lines if kept is not None else 0,
        )

    def place(self) -> QueuedRun:
        """As a snapshot's queue has it."""
        running = self.status == "running"
        return QueuedRun(
            run=self.id,
            document=self.document,
            cell=self.cell,
            running=running,
            since=self.started if running else self.queued,
        )

    @classmethod
    def from_record(cls, record: CellRun) -> Run:
        """A run that a file remembers: it has its outputs, and is over."""
        return cls(
            id=record.run,
            session=record.document,
            document=record.document,
            cell=record.cell,
            status=record.status,
            execution_count=record.execution_count,
            outputs=Outputs(record.outputs),
            ended=record.ended,
        )
