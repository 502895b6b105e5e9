"""LiveDocument: one worksheet or text that is open for editing. Pure: reads and writes no file.

The name of its file says which: `.ipynb` is a worksheet, everything else a text.
"""

from __future__ import annotations

import hashlib

from sagews.errors import Conflict
from sagews.messages.records import CellRun, DocumentState
from sagews.worker.run import Run
from sagews.workspace import notebook as notebooks
from sagews.workspace import text_document as texts
from sagews.workspace.notebook import CellOutputs, Notebook
from sagews.workspace.text_document import PlainText, TextDocument
from sagews.workspace.worksheet import Worksheet

Content = Notebook | PlainText
"""What is in a file that a document is made of."""


class LiveDocument:
    """A document, where its file is, and whether the file has all of it."""

    def __init__(self, document: str, path: str, shared: Worksheet | TextDocument, digest: str = "") -> None:
        """:param digest: SHA-256 (hex) of the file that was last written from it, or that it was made of; "" = none."""
        self.id = document
        self.path = path
        self.shared = shared
        self.digest = digest
        self.changes = 0
        """Counts edits and runs."""
        self.written = 0
        """The count that the file has."""
        self.stored = 0
        """The count that the database has."""
        self.size = len(shared.state())
        """Bytes of its state, as it was last measured, and of the updates that were applied since."""

    @classmethod
    def empty(cls, document: str, path: str, state: bytes = b"", digest: str = "") -> LiveDocument:
        """One with nothing in it but what the state has."""
        shared = Worksheet(state) if is_worksheet(path) else TextDocument(state)
        return cls(document, path, shared, digest)

    @classmethod
    def of(cls, document: str, path: str, content: Content) -> LiveDocument:
        """One with this content. Two of the same content do not merge: seed only once."""
        live = cls.empty(document, path)
        live.edit(content)
        live.measure()
        return live

    @property
    def worksheet(self) -> Worksheet:
        """Its cells. Raises Conflict where it is a text, which has none."""
        if isinstance(self.shared, Worksheet):
            return self.shared
        raise Conflict(f"{self.path!r} is a text and has no cells.", mend="Make a worksheet of it first.")

    def measure(self) -> None:
        """Look how large its state is now."""
        self.size = len(self.shared.state())

    def apply(self, update: bytes) -> None:
        """Apply an update. Raises MessageError where it is none."""
        self.shared.apply(update)
        self.size += len(update)
        self.changes += 1

    def edit(self, content: Content) -> bytes:
        """Take in what a file has; returns the update that does it elsewhere, `EMPTY_UPDATE` where nothing differs."""
        if isinstance(self.shared, Worksheet):
            assert isinstance(content, Notebook)
            return self.shared.edit(content)
        assert isinstance(content, PlainText)
        return self.shared.edit(content)

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

    def content(self, runs: dict[str, Run]) -> Content:
        """What its file should have, with the outputs of its cells."""
        if isinstance(self.shared, TextDocument):
            return self.shared.content
        outputs = {cell: CellOutputs(run.execution_count or None, run.outputs.as_tuple()) for cell, run in runs.items()}
        return self.shared.notebook(outputs)

    def state(self) -> DocumentState:
        """As snapshots and checkpoints have it."""
        return DocumentState(self.id, self.path, self.shared.state(), self.digest)

    def records(self, content: Content) -> tuple[CellRun, ...]:
        """The outputs that a file has, as runs that are over."""
        if isinstance(content, PlainText):
            return ()
        return tuple(
            CellRun(
                document=self.id,
                cell=cell,
                run=f"file-{self.id}-{cell}",
                status="ok",
                execution_count=found.execution_count or 0,
                outputs=found.outputs,
            )
            for cell, found in content.outputs.items()
        )


def is_worksheet(path: str) -> bool:
    """Whether the file at this path is a worksheet."""
    return path.endswith(".ipynb")


def content_of(path: str, data: bytes) -> Content:
    """What is in a file. Raises UsageError where it is no notebook, or no text; TooLarge where the text is."""
    return notebooks.read(data.decode("utf-8", "replace")) if is_worksheet(path) else texts.read(data)


def file_of(content: Content) -> bytes:
    """The bytes of a file with this content."""
    if isinstance(content, PlainText):
        return texts.write(content)
    return notebooks.write(content).encode("utf-8", "replace")


def digest_of(data: bytes) -> str:
    """SHA-256 (hex)."""
    return hashlib.sha256(data).hexdigest()
