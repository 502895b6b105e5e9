"""Documents: the live worksheets of one open workspace.

Invariant: a document is made of its file once, when it gets its id; from then on the file follows the
document. A file that somebody else changed meanwhile is taken in as an edit, never seeded again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator

from sagews.errors import Conflict, NotFound, OverLimit, TooLarge, UsageError
from sagews.messages.records import CellRun, DocumentState, JournalEntry
from sagews.messages.workspace import DocumentMoved, DocumentOpened, DocumentUpdate
from sagews.worker.document import LiveDocument, digest_of
from sagews.worker.files import Files, steps_of
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.run import Run
from sagews.worker.run_records import RunRecords
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream
from sagews.worker.written_digests import WrittenDigests
from sagews.workspace import notebook as notebooks
from sagews.workspace.notebook import Cell, Notebook, new_cell_id
from sagews.workspace.worksheet import EMPTY_UPDATE, Worksheet

log = logging.getLogger(__name__)


class Documents:
    """All live documents, by id."""

    def __init__(
        self,
        stream: NumberedStream,
        journal: JournalBacklog,
        records: RunRecords,
        files: Files,
        digests: WrittenDigests,
        settings: WorkerSettings,
    ) -> None:
        """None is live until `restore` or `open`."""
        self.files = files
        self.digests = digests
        self.removed: list[str] = []
        """Ids of documents whose file was deleted since the last checkpoint."""
        self._stream = stream
        self._journal = journal
        self._records = records
        self._settings = settings
        self._live: dict[str, LiveDocument] = {}

    def __iter__(self) -> Iterator[LiveDocument]:
        return iter(tuple(self._live.values()))

    def find(self, document: str) -> LiveDocument:
        """Raises NotFound where it is not live."""
        try:
            return self._live[document]
        except KeyError:
            raise NotFound("This document is not open.", mend="Open it by its path.") from None

    def states(self) -> tuple[DocumentState, ...]:
        """For a snapshot."""
        return tuple(document.state() for document in self._live.values())

    # --- becoming live

    def open(self, path: str, client: str, environment: str, *, create: bool) -> LiveDocument:
        """Make the file at `path` live, if it is not; told as events.

        :raises NotFound: no such file, and `create` is false; UsageError: no path, no notebook.
        """
        steps_of(path)
        for document in self._live.values():
            if document.path == path:
                return document
        if len(self._live) >= self._settings.documents:
            raise OverLimit(f"{len(self._live)} documents are open in this workspace; it takes no more.")
        data = self.files.read(path, self._settings.document_bytes)
        if data is None and not create:
            raise NotFound(f"There is no file {path!r}.")
        notebook = _new_notebook(environment) if data is None else _read(data)
        document = LiveDocument(secrets.token_hex(8), path, Worksheet.from_notebook(notebook))
        document.changes += 1
        if data is not None:
            document.written = document.changes
            document.digest = digest_of(data)
            self.digests.add(document.id, document.digest)
        self._live[document.id] = document
        self._tell_update(document, document.worksheet.state(), client, "")
        cells = self._take_outputs(document, notebook)
        self._stream.append(DocumentOpened(document.id, path, cells), client=client)
        return document

    def restore(self, states: tuple[DocumentState, ...], entries: tuple[JournalEntry, ...]) -> None:
        """What the database has: states, then the journal; then what happened to the files in between."""
        edits: dict[str, bytes] = {}
        for state in states:
            document = LiveDocument(state.document, state.path, Worksheet(state.state), state.digest)
            self._live[document.id] = document
            known = self.digests.known(document.id)
            if document.digest and (not known or known[-1] == document.digest):
                # The file was written from this very state, so a change of it is a change of this state.
                edits[document.id] = self._edit_from_file(document)
        for entry in sorted(entries, key=lambda entry: (entry.epoch, entry.n)):
            self._replay(entry)
        for document in self._live.values():
            update = edits.get(document.id) or self._edit_from_file(document)
            if update != EMPTY_UPDATE:
                document.changes += 1
                self._tell_update(document, update, "", "")
            self._outputs_from_file(document)

    def _replay(self, entry: JournalEntry) -> None:
        document = self._live.get(entry.document)
        if not entry.path:
            self._live.pop(entry.document, None)
            return
        if document is None:
            document = LiveDocument(entry.document, entry.path, Worksheet())
            self._live[document.id] = document
        document.path = entry.path
        if entry.update:
            document.worksheet.apply(entry.update)
        document.changes += 1

    def _edit_from_file(self, document: LiveDocument) -> bytes:
        """Take in what somebody else did to the file; where that is nothing, `EMPTY_UPDATE`."""
        known = {*self.digests.known(document.id), document.digest} - {""}
        data, notebook = self._file_of(document)
        if notebook is None or not known or digest_of(data) in known:
            return EMPTY_UPDATE
        update = document.worksheet.edit(notebook)
        document.digest = digest_of(data)
        self.digests.add(document.id, document.digest)
        return update

    def _outputs_from_file(self, document: LiveDocument) -> None:
        _, notebook = self._file_of(document)
        if notebook is not None:
            self._take_outputs(document, notebook)

    def _file_of(self, document: LiveDocument) -> tuple[bytes, Notebook | None]:
        """The file of a document; what is there and is no notebook does not keep the workspace from opening."""
        try:
            data = self.files.read(document.path, self._settings.document_bytes)
            return (b"", None) if data is None else (data, _read(data))
        except (UsageError, TooLarge) as error:
            log.info("File is passed over", extra={"action": "file_passed_over", "error": error.what})
            return b"", None

    def _take_outputs(self, document: LiveDocument, notebook: Notebook) -> tuple[CellRun, ...]:
        records = document.records(notebook)
        for record in records:
            self._records.add(Run.from_record(record))
        return records

    # --- changing

    def update(self, document: LiveDocument, update: bytes, client: str, actor: str) -> int:
        """Apply a client's update, told as an event; returns its number.

        :raises Unavailable: too many wait for the journal; MessageError: this is no update.
        """
        self._journal.check_room(len(update))
        document.apply(update, self._settings.document_bytes)
        return self._tell_update(document, update, client, actor)

    def moved(self, path: str, to: str) -> list[LiveDocument]:
        """A file or folder was renamed, or deleted (`to` = ""); returns the documents that are no more."""
        gone: list[LiveDocument] = []
        for document in tuple(self._live.values()):
            if document.path == path or document.path.startswith(f"{path}/"):
                document.path = to + document.path[len(path) :] if to else ""
                document.changes += 1
                n = self._stream.append(DocumentMoved(document.id, document.path))
                self._journal.add(JournalEntry(self._stream.epoch, n, document.id, document.path, b""))
                if not to:
                    gone.append(self._live.pop(document.id))
                    self.removed.append(document.id)
                    self._records.forget(document.id)
                    self.digests.forget(document.id)
        return gone

    def check_move(self, path: str, to: str) -> None:
        """Raises Conflict where a live document, whose file may not be written yet, has the new path."""
        if any(document.path == to for document in self._live.values()):
            raise Conflict(f"There is an open document at {to!r} already.")

    def has(self, path: str) -> bool:
        """Whether a live document has this path, or is below it."""
        return any(one.path == path or one.path.startswith(f"{path}/") for one in self._live.values())

    def _tell_update(self, document: LiveDocument, update: bytes, client: str, actor: str) -> int:
        content = DocumentUpdate(document.id, update, document.path, actor)
        n = self._stream.append(content, client=client)
        self._journal.add(JournalEntry(self._stream.epoch, n, document.id, document.path, update, actor))
        return n


def _read(data: bytes) -> Notebook:
    return notebooks.read(data.decode("utf-8", "replace"))


def _new_notebook(environment: str) -> Notebook:
    kernelspec = {"name": environment, "display_name": environment.capitalize()}
    return Notebook((Cell(new_cell_id(), "code", ""),), {"kernelspec": kernelspec})
