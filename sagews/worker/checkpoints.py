"""Checkpoints: writing live documents to their files, and having a backend store their states.

Invariants: a file is replaced whole or not at all; a document that is told as `saved` is on disk;
what somebody else wrote into the file meanwhile is put aside, not overwritten. One at a time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection

from sagews.errors import SagewsError
from sagews.messages.frame import Frame
from sagews.messages.workspace import Checkpoint, Checkpointed, Notice, Saved
from sagews.worker.connection import Connection
from sagews.worker.document import LiveDocument, digest_of
from sagews.worker.documents import Documents
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.run_records import RunRecords
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream
from sagews.workspace import notebook as notebooks
from sagews.workspace.notebook import Notebook

log = logging.getLogger(__name__)


class Checkpoints:
    """Of one open workspace."""

    def __init__(
        self,
        stream: NumberedStream,
        documents: Documents,
        records: RunRecords,
        journal: JournalBacklog,
        settings: WorkerSettings,
    ) -> None:
        """Nothing is written until something changes."""
        self._stream = stream
        self._documents = documents
        self._records = records
        self._journal = journal
        self._settings = settings
        self._lock = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: dict[tuple[Connection, int], asyncio.Future[bool]] = {}
        self._number = 0
        self._closed = False

    def ran(self, document: str) -> None:
        """A document has outputs that its file lacks, also of a run that goes on; "" = a run of no document."""
        for live in self._documents:
            if live.id == document:
                live.changes += 1
                self.soon()

    def soon(self) -> None:
        """Something has changed: write and store it, not too late."""
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(self._settings.checkpoint_seconds, self._due)

    def save(self, document: str) -> None:
        """Somebody wants this document written now; `saved` tells when it is."""
        self._begin({document})

    def store(self) -> None:
        """A backend came that can store what is not stored yet."""
        if any(live.stored < live.changes for live in self._documents) or self._documents.removed:
            self._begin(())

    def answered(self, connection: Connection, frame: Frame) -> None:
        """A follower's answer to a checkpoint."""
        answer = self._answers.get((connection, frame.request))
        if answer is not None and not answer.done():
            answer.set_result(isinstance(frame.content, Checkpointed))

    async def write_now(self) -> None:
        """Write what changed; returns when it is on disk."""
        async with self._lock:
            for document in self._documents:
                if document.written < document.changes:
                    await self._write(document)

    async def close(self) -> None:
        """Write and store everything, for the last time."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        await self._checkpoint(())

    def _due(self) -> None:
        self._timer = None
        self._begin(())

    def _begin(self, wanted: Collection[str]) -> None:
        if not self._closed:
            task = asyncio.get_running_loop().create_task(self._checkpoint(wanted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _checkpoint(self, wanted: Collection[str]) -> None:
        """Write what changed, and the wanted ones in any case; then have it stored."""
        async with self._lock:
            for document in self._documents:
                if document.id in wanted or document.written < document.changes:
                    try:
                        await self._write(document)
                    except SagewsError as error:
                        self._failed(document, error)
            await self._store()

    async def _write(self, document: LiveDocument) -> None:
        changes, n = document.changes, self._stream.last
        runs = self._records.of_document(document.id)
        notebook = document.notebook(runs)
        data = await asyncio.to_thread(_as_file, notebook)
        digest = digest_of(data)
        known = {*self._documents.digests.known(document.id), document.digest}
        aside = await asyncio.to_thread(self._replace, document, data, digest, known)
        document.digest, document.written = digest, changes
        self._records.keep_only(document.id, {cell.id for cell in document.worksheet.cells})
        if aside:
            text = f"Another program changed {document.path}; its version is kept as {aside}."
            self._stream.append(Notice(text, "warning", document.id))
        self._stream.append(Saved(document.id, n, time.time()))

    def _replace(self, document: LiveDocument, data: bytes, digest: str, known: set[str]) -> str:
        """Write the file; returns where somebody else's version was put, or ""."""
        files, aside = self._documents.files, ""
        there = files.read(document.path, self._settings.document_bytes)
        if there is not None and digest_of(there) not in {*known, digest}:
            aside = f"{document.path.removesuffix('.ipynb')}-{digest_of(there)[:8]}.ipynb"
            files.write(aside, there)
        self._documents.digests.add(document.id, digest)
        files.write(document.path, data)
        return aside

    def _failed(self, document: LiveDocument, error: SagewsError) -> None:
        log.warning("Document cannot be saved", extra={"action": "save_failed", "error": error.what})
        self._stream.append(Notice(f"The worksheet cannot be saved: {error}", "error", document.id))

    async def _store(self) -> None:
        """Ask one follower after the other, until one has stored it. With none, the journal has it all."""
        changed = [(live, live.changes) for live in self._documents if live.stored < live.changes]
        removed, n = tuple(self._documents.removed), self._stream.last
        if not changed and not removed:
            return
        states = tuple(live.state() for live, _ in changed)
        for connection in self._journal.followers:
            if await self._ask(connection, Checkpoint(states, removed), n):
                for live, changes in changed:
                    live.stored = changes
                self._documents.removed = self._documents.removed[len(removed) :]
                self._journal.stored(n)
                return

    async def _ask(self, connection: Connection, content: Checkpoint, n: int) -> bool:
        self._number += 1
        key = (connection, self._number)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        connection.on_close[answer] = lambda: None if answer.done() else answer.set_result(False)
        workspace, epoch = self._stream.workspace, self._stream.epoch
        try:
            connection.send(Frame(content=content, workspace=workspace, epoch=epoch, n=n, request=self._number))
            async with asyncio.timeout(self._settings.checkpoint_answer_seconds):
                return await answer
        except TimeoutError:
            return False
        finally:
            del self._answers[key]
            connection.on_close.pop(answer, None)


def _as_file(notebook: Notebook) -> bytes:
    return notebooks.write(notebook).encode("utf-8", "replace")
