"""LiveDocument: one worksheet that is open for editing. Pure: reads and writes no file."""

from __future__ import annotations

import hashlib

from sagews.errors import TooLarge
from sagews.messages.records import CellRun, DocumentState
from sagews.worker.run import Run
from sagews.workspace.notebook import CellOutputs, Notebook
from sagews.workspace.worksheet import Worksheet


class LiveDocument:
    """A worksheet, where its file is, and whether the file has all of it."""

    def __init__(self, document: str, path: str, worksheet: Worksheet, digest: str = "") -> None:
        """:param digest: SHA-256 (hex) of the file that was last written from it, or that it was made of; "" = none."""
        self.id = document
        self.path = path
        self.worksheet = worksheet
        self.digest = digest
        self.changes = 0
        """Counts edits and runs."""
        self.written = 0
        """The count that the file has."""
        self.stored = 0
        """The count that the database has."""
        self.size = 0
        """Bytes of the updates that were applied; bounds what a document can grow to."""

    def apply(self, update: bytes, maximum_bytes: int) -> None:
        """Apply a client's update.

        :raises TooLarge: the document would grow beyond `maximum_bytes`; MessageError: this is no update.
        """
        if self.size + len(update) > maximum_bytes:
            self.size = len(self.worksheet.state())
        if self.size + len(update) > maximum_bytes:
            raise TooLarge(f"This document has {maximum_bytes} bytes of edits and takes no more.")
        self.worksheet.apply(update)
        self.size += len(update)
        self.changes += 1

    def environment(self, names: tuple[str, ...]) -> str:
        """Which of these environments its cells run in, by the notebook's `kernelspec`; "" = it does not say."""
        kernelspec = self.worksheet.metadata.get("kernelspec")
        wanted = str(kernelspec.get("name", "")) if isinstance(kernelspec, dict) else ""
        if wanted in names:
            return wanted
        for name in names:
            # Jupyter's own names: sagemath, sagemath-10.8, python3.
            if wanted.startswith(name):
                return name
        return ""

    def notebook(self, runs: dict[str, Run]) -> Notebook:
        """The content with the outputs of its cells, as a file has it."""
        outputs = {cell: CellOutputs(run.execution_count or None, run.outputs.as_tuple()) for cell, run in runs.items()}
        return self.worksheet.notebook(outputs)

    def state(self) -> DocumentState:
        """As snapshots and checkpoints have it."""
        return DocumentState(self.id, self.path, self.worksheet.state(), self.digest)

    def records(self, notebook: Notebook) -> tuple[CellRun, ...]:
        """The outputs that a file has, as runs that are over."""
        return tuple(
            CellRun(
                document=self.id,
                cell=cell,
                run=f"file-{self.id}-{cell}",
                status="ok",
                execution_count=found.execution_count or 0,
                outputs=found.outputs,
            )
            for cell, found in notebook.outputs.items()
        )


def digest_of(data: bytes) -> str:
    """SHA-256 (hex)."""
    return hashlib.sha256(data).hexdigest()
