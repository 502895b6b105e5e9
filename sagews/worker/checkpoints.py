"""Checkpoints: writing live documents to their files, making a version of all files, having a backend store both.

Invariants: a file is replaced whole or not at all; a document that is told as `saved` is on disk;
what somebody else wrote into the file meanwhile is put aside, not overwritten. One at a time. What cannot be
written is tried again until it can, after a pause that grows; it is told once that it cannot, and once that it is.
The states and the version of a checkpoint agree: the one was taken with the other, and both are stored or none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import replace

from sagews.errors import Conflict, SagewsError
from sagews.messages.connection import Refused
from sagews.messages.workspace import Checkpointed, Notice, Saved
from sagews.worker.checkpoint_requests import CheckpointRequests, Taken
from sagews.worker.document import LiveDocument, digest_of, file_of, is_worksheet
from sagews.worker.documents import Documents
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.kept_files import shown
from sagews.worker.run_records import RunRecords
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream
from sagews.worker.versions import Offer, Versions
from sagews.workspace.import_stream import Author

log = logging.getLogger(__name__)


class Checkpoints:
    """Of one open workspace."""

    def __init__(
        self,
        stream: NumberedStream,
        documents: Documents,
        records: RunRecords,
        journal: JournalBacklog,
        versions: Versions | None,
        settings: WorkerSettings,
    ) -> None:
        """Nothing is written until something changes.

        :param versions: None: a scratch workspace, of which none are kept.
        """
        self._stream = stream
        self._documents = documents
        self._records = records
        self._journal = journal
        self._versions = versions
        self._settings = settings
        self.is_busy: Callable[[], bool] = lambda: False
        """Whether something runs that may write files, unseen."""
        self.on_deleted: Callable[[str], None] = lambda path: None
        """Called when going back to a version deleted a file."""
        self._lock = asyncio.Lock()
        self._is_storing = self._is_more = False
        """Whether a checkpoint is being stored, and whether another one should be after it."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests = CheckpointRequests(stream, settings)
        self._failing: set[str] = set()
        """Documents that could not be written the last time."""
        self._pause = settings.save_again_seconds
        self._is_versioned = True
        """Whether the newest version has the files as they were at the last look."""
        self._is_looked_at = False
        """Whether the files were looked at since the workspace was opened."""
        self._closed = False

    @property
    def is_stored(self) -> bool:
        """Whether a backend has acknowledged that it stored the newest version, with all edits of documents in it."""
        if self._versions is None or self._versions.lacks_storing or not self._is_looked_at or not self._is_versioned:
            return False
        is_written = not self._failing and all(live.written >= live.changes for live in self._documents)
        is_known = not self._documents.removed and all(live.stored >= live.changes for live in self._documents)
        return is_written and is_known

    def ran(self, document: str) -> None:
        """A document has outputs that its file lacks, also of a run that goes on; "" = a run of no document.

        Whatever ran may have written files."""
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
        files = self._versions is not None and (self._versions.lacks_storing or not self._is_looked_at)
        if files or any(live.stored < live.changes for live in self._documents) or self._documents.removed:
            self._begin(())

    async def write_now(self) -> None:
        """Write what changed; returns when it is on disk."""
        async with self._lock:
            for document in self._documents:
                if document.written < document.changes:
                    await self._write(document)

    async def keep_now(self) -> None:
        """Make a version of what is there now; returns when there is one, stored or not."""
        async with self._lock:
            await self._write_changed(())
            await self._make_version()
        self._begin(())

    async def go_back(self, version: str, author: Author) -> str:
        """Make the files what a version says; what was before is a version too.

        :returns: the new version; "" = nothing was different.
        :raises NotFound: there is no such version; SagewsError: the disk cannot.
        """
        assert self._versions is not None
        async with self._lock:
            await self._write_changed(())
            await self._versions.commit()
            before = self._versions.head
            done = await self._versions.lay_out_version(version)
            await self._versions.commit(f"Go back to version {version[:10]}", author)
            after = self._versions.head
            for path in done.changed:
                self._keep_edits(path)
                if self._documents.files.exists(path):
                    self._documents.take_in(path)
                else:
                    self.on_deleted(path)
        if done.aside:
            text = f"In the way, and in no version, so kept by another name: {', '.join(map(shown, done.aside[:5]))}."
            self._stream.append(Notice(text, "warning"))
        self._begin(())
        return after if after != before else ""

    def _keep_edits(self, path: str) -> None:
        """What somebody typed while the files were exchanged is in no version: it is kept beside the file.

        :raises SagewsError: the disk cannot.
        """
        document = next((one for one in self._documents if one.path == path), None)
        if document is None or document.written >= document.changes:
            return
        data = file_of(document.content(self._records.of_document(document.id)))
        aside = _beside(path, digest_of(data)[:8])
        self._documents.files.write(aside, data)
        self._stream.append(Notice(f"What was edited meanwhile in {path} is kept as {aside}.", "warning"))

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
        if self.is_busy():
            self.soon()

    def _begin(self, wanted: Collection[str]) -> None:
        if not self._closed:
            self._do(self._checkpoint(wanted))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _checkpoint(self, wanted: Collection[str]) -> None:
        """Write what changed, and the wanted ones in any case; then have it stored."""
        async with self._lock:
            await self._write_changed(wanted)
            await self._make_version()
            if self._is_storing:
                self._is_more = True
                return
            self._is_storing = True
            try:
                taken = await self._take()
            except BaseException:
                self._is_storing = False
                raise
        try:
            await self._store(taken)
        finally:
            self._is_storing = False
            if self._is_more:
                self._is_more = False
                self._begin(())

    async def _write_changed(self, wanted: Collection[str]) -> None:
        self._failing &= {document.id for document in self._documents}
        for document in self._documents:
            if document.id in {*wanted, *self._failing} or document.written < document.changes:
                try:
                    await self._write(document)
                except SagewsError as error:
                    self._failed(document, error)
        self._try_again()

    async def _make_version(self) -> None:
        """A version of the files, where they differ from the newest one."""
        if self._versions is None:
            return
        try:
            news = await self._versions.commit()
        except SagewsError as error:
            log.warning("Version cannot be made", extra={"action": "version_failed", "error": error.what})
            if self._is_versioned:
                self._stream.append(Notice(f"The workspace's files cannot be kept in a version. {error}", "error"))
            self._is_versioned = False
            return
        self._is_versioned = self._is_looked_at = True
        if news:
            self._stream.append(Notice(news, "warning"))

    async def _take(self) -> Taken:
        """What is not stored yet."""
        changed = tuple((live, live.changes) for live in self._documents if live.stored < live.changes)
        states, n = tuple(live.state() for live, _ in changed), self._stream.last
        removed, offer = tuple(self._documents.removed), await self._offer()
        is_behind = offer is None and self._versions is not None and self._versions.lacks_storing
        if is_behind or not self._is_versioned:
            # Somewhere else their files are older ones, whose difference must not be taken for somebody's edit.
            states = tuple(replace(state, digest="") for state in states)
        return Taken(n, changed, states, removed, offer)

    async def _offer(self) -> Offer | None:
        if self._versions is None:
            return None
        try:
            return await self._versions.offer()
        except SagewsError as error:
            log.error("Bundle cannot be made", extra={"action": "bundle_failed", "error": error.what})
            return None

    def _try_again(self) -> None:
        """What could not be written is tried again, if no change comes before."""
        if not self._failing:
            self._pause = self._settings.save_again_seconds
        elif self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._due)
            self._pause = min(2 * self._pause, self._settings.save_again_longest_seconds)

    async def _write(self, document: LiveDocument) -> None:
        changes, n = document.changes, self._stream.last
        runs = self._records.of_document(document.id)
        data = await asyncio.to_thread(file_of, document.content(runs))
        digest = digest_of(data)
        known = {*self._documents.digests.known(document.id), document.digest}
        aside = await asyncio.to_thread(self._replace, document, data, digest, known)
        document.digest, document.written = digest, changes
        if is_worksheet(document.path):
            self._records.keep_only(document.id, {cell.id for cell in document.worksheet.cells})
        if aside:
            text = f"Another program changed {document.path}; its version is kept as {aside}."
            self._stream.append(Notice(text, "warning", document.id))
        self._stream.append(Saved(document.id, n, time.time()))
        if document.id in self._failing:
            self._failing.discard(document.id)
            self._stream.append(Notice(f"{document.path} is saved again.", "info", document.id))

    def _replace(self, document: LiveDocument, data: bytes, digest: str, known: set[str]) -> str:
        """Write the file; returns where somebody else's version was put, or ""."""
        files, aside = self._documents.files, ""
        there = files.read(document.path, self._settings.document_bytes)
        if there is not None and digest_of(there) not in {*known, digest}:
            aside = _beside(document.path, digest_of(there)[:8])
            files.write(aside, there)
        self._documents.digests.add(document.id, digest)
        files.write(document.path, data)
        return aside

    def _failed(self, document: LiveDocument, error: SagewsError) -> None:
        log.warning("Document cannot be saved", extra={"action": "save_failed", "error": error.what})
        if document.id not in self._failing:
            self._failing.add(document.id)
            text = f"The file of {document.path} cannot be written; it is tried again until it can. {error}"
            self._stream.append(Notice(text, "error", document.id))

    async def _store(self, taken: Taken) -> None:
        """Ask one follower after the other, until one has stored it. With none, the journal has every edit."""
        followers = self._journal.followers
        try:
            if not taken.states and not taken.removed and taken.offer is None:
                return
            for connection in followers:
                answer = await self.requests.ask(connection, taken)
                if isinstance(answer, Checkpointed):
                    await self._stored(taken)
                    return
                if isinstance(answer, Refused) and answer.code == Conflict.code and self._versions is not None:
                    self._versions.forget_chain()
        finally:
            if self._versions is not None and taken.offer is not None:
                self._versions.withdraw(taken.offer)
        if followers:
            self.soon()

    async def _stored(self, taken: Taken) -> None:
        for live, changes in taken.changed:
            live.stored = max(live.stored, changes)
        gone = set(taken.removed)
        self._documents.removed = [document for document in self._documents.removed if document not in gone]
        self._journal.stored(taken.n)
        if self._versions is not None and taken.offer is not None:
            await self._versions.stored(taken.offer)


def _beside(path: str, mark: str) -> str:
    """Another path in the same folder: "a/b.ipynb" -> "a/b-MARK.ipynb"."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{folder}{slash}{stem}-{mark}{dot}{ending}" if stem else f"{path}-{mark}"
