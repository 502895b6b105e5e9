"""Documents: the live worksheets and texts of one open workspace.

Invariant: a document is made of its file once, when it gets its id; from then on the file follows the
document. A file that somebody else changed meanwhile is taken in as an edit, never seeded again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator

from sagews.errors import Conflict, NotFound, OverLimit, TooLarge, UsageError
from sagews.messages.commands import ClearOutputs
from sagews.messages.records import CellRun, DocumentState, JournalEntry
from sagews.messages.workspace import DocumentMoved, DocumentOpened, DocumentUpdate
from sagews.worker.document import Content, LiveDocument, content_of, digest_of, is_worksheet
from sagews.worker.file_names import check_new
from sagews.worker.files import Files, steps_of
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.run import Run
from sagews.worker.run_records import RunRecords
from sagews.worker.settings import WorkerSettings
from sagews.worker.snapshot_outputs import fitted
from sagews.worker.stream import NumberedStream
from sagews.worker.written_digests import WrittenDigests
from sagews.workspace.notebook import Cell, Notebook, new_cell_id
from sagews.workspace.shared_document import EMPTY_UPDATE
from sagews.workspace.text_document import PlainText

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

        :raises NotFound: no such file, and `create` is false; UsageError: no path, no notebook; OverLimit, TooLarge:
            there is no room for it beside the others.
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
        if data is None:
            check_new(path)
        content = _new(path, environment) if data is None else content_of(path, data)
        document = LiveDocument.of(secrets.token_hex(8), path, content)
        self._check_size(document.size)
        document.changes += 1
        if data is not None:
            document.written = document.changes
            document.digest = digest_of(data)
            self.digests.add(document.id, document.digest)
        self._live[document.id] = document
        self._tell_update(document, document.shared.state(), client, "")
        cells = fitted(self._take_outputs(document, content), self._settings.snapshot_outputs_bytes)
        self._stream.append(DocumentOpened(document.id, path, cells), client=client)
        return document

    def restore(self, states: tuple[DocumentState, ...], entries: tuple[JournalEntry, ...]) -> None:
        """What the database has: states, then the journal; then what happened to the files in between."""
        edits: dict[str, bytes] = {}
        for state in states:
            document = LiveDocument.empty(state.document, state.path, state.state, state.digest)
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
            document = LiveDocument.empty(entry.document, entry.path)
            self._live[document.id] = document
        document.path = entry.path
        if entry.update:
            document.apply(entry.update)
        else:
            document.changes += 1

    def _edit_from_file(self, document: LiveDocument) -> bytes:
        """Take in what somebody else did to the file; where that is nothing, `EMPTY_UPDATE`."""
        known = {*self.digests.known(document.id), document.digest} - {""}
        data, content = self._file_of(document)
        if content is None or not known or digest_of(data) in known:
            return EMPTY_UPDATE
        update = document.edit(content)
        document.digest = digest_of(data)
        self.digests.add(document.id, document.digest)
        return update

    def take_in(self, path: str) -> None:
        """The file of a live document was replaced on purpose: its text and outputs are the document's now."""
        document = next((one for one in self._live.values() if one.path == path), None)
        data, content = self._file_of(document) if document is not None else (b"", None)
        if document is None or content is None:
            return
        update = document.edit(content)
        document.digest = digest_of(data)
        self.digests.add(document.id, document.digest)
        document.changes += 1
        document.written = document.changes
        document.measure()
        if update != EMPTY_UPDATE:
            self._tell_update(document, update, "", "")
        if not is_worksheet(path):
            return
        self._records.clear(document.id, ())
        self._stream.append(ClearOutputs(document.id))
        cells = fitted(self._take_outputs(document, content), self._settings.snapshot_outputs_bytes)
        self._stream.append(DocumentOpened(document.id, document.path, cells))

    def _outputs_from_file(self, document: LiveDocument) -> None:
        _, content = self._file_of(document)
        if content is not None:
            self._take_outputs(document, content)

    def _file_of(self, document: LiveDocument) -> tuple[bytes, Content | None]:
        """The file of a document; what is there and cannot be read does not keep the workspace from opening."""
        try:
            data = self.files.read(document.path, self._settings.document_bytes)
            return (b"", None) if data is None else (data, content_of(document.path, data))
        except (UsageError, TooLarge) as error:
            log.info("File is passed over", extra={"action": "file_passed_over", "error": error.what})
            return b"", None

    def _take_outputs(self, document: LiveDocument, content: Content) -> tuple[CellRun, ...]:
        records = document.records(content)
        for record in records:
            self._records.add(Run.from_record(record))
        return records

    def folder_changed(self, folder: str) -> None:
        """Programs may have changed files in this folder: texts that are open, and have no edits of their own that
        their file lacks, are what their file is now."""
        for document in tuple(self._live.values()):
            place, _, _ = document.path.rpartition("/")
            if place != folder or is_worksheet(document.path) or document.written < document.changes:
                continue
            update = self._edit_from_file(document)
            if update != EMPTY_UPDATE:
                document.changes += 1
                document.written = document.changes
                document.measure()
                self._tell_update(document, update, "", "")

    # --- changing

    def update(self, document: LiveDocument, update: bytes, client: str, actor: str) -> int:
        """Apply a client's update, told as an event; returns its number.

        :raises Unavailable: too many wait for the journal; TooLarge: the documents would be too large together;
            MessageError: this is no update.
        """
        self._journal.check_room(len(update))
        self._check_size(len(update))
        document.apply(update)
        return self._tell_update(document, update, client, actor)

    def moved(self, path: str, to: str) -> list[LiveDocument]:
        """A file or folder was renamed, or deleted (`to` = ""); returns the documents that are no more.

        One whose file got a name of another kind is no more either: it is opened as what it is now.
        """
        gone: list[LiveDocument] = []
        for document in tuple(self._live.values()):
            if document.path == path or document.path.startswith(f"{path}/"):
                new = to + document.path[len(path) :] if to else ""
                document.path = new if is_worksheet(new) == is_worksheet(document.path) else ""
                document.changes += 1
                n = self._stream.append(DocumentMoved(document.id, document.path))
                self._journal.add(JournalEntry(self._stream.epoch, n, document.id, document.path, b""))
                if not document.path:
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

    def _check_size(self, more: int) -> None:
        """Raises TooLarge where the documents together cannot have so many bytes more."""
        maximum = self._settings.documents_bytes
        if sum(document.size for document in self._live.values()) + more <= maximum:
            return
        for document in self._live.values():
            document.measure()
        if sum(document.size for document in self._live.values()) + more > maximum:
            raise TooLarge(
                f"The open worksheets have {maximum} bytes of text together and take no more.",
                mend="Shorten one, or put what is not needed together into workspaces of their own.",
            )

    def _tell_update(self, document: LiveDocument, update: bytes, client: str, actor: str) -> int:
        content = DocumentUpdate(document.id, update, document.path, actor)
        n = self._stream.append(content, client=client)
        self._journal.add(JournalEntry(self._stream.epoch, n, document.id, document.path, update, actor))
        return n


def _new(path: str, environment: str) -> Content:
    """What a document that is new begins with."""
    if not is_worksheet(path):
        return PlainText()
    kernelspec = {"name": environment, "display_name": environment.capitalize()}
    return Notebook((Cell(new_cell_id(), "code", ""),), {"kernelspec": kernelspec})
