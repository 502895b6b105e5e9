"""The journal of one open workspace, as this backend writes it.

Invariant (I5 of the design): `durable` never runs ahead of what the database has committed; edits are written in
their order; and nothing is written after the epoch is over. While the database is down edits wait, up to
`PENDING_BYTES`; beyond, they are left with the worker, which has them until it is told that they are journaled.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

from sagews.backend import background
from sagews.backend.bulk import Bulk
from sagews.backend.coming_bundles import ComingBundles
from sagews.backend.metrics import Metrics
from sagews.backend.switchboard import Switchboard
from sagews.database.documents import DocumentState
from sagews.database.journal import Entry
from sagews.database.store import Store
from sagews.errors import Conflict, DatabaseUnavailable, Fenced, NotFound, SagewsError, WorkerUnavailable
from sagews.messages import Frame
from sagews.messages.connection import Refused
from sagews.messages.workspace import (
    Checkpoint,
    Checkpointed,
    DocumentMoved,
    DocumentUpdate,
    FollowJournal,
    Journaled,
    JournalFollowed,
    WorkspaceClosed,
)

log = logging.getLogger(__name__)

PENDING_BYTES = 16 * 2**20
BATCH = 500
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
STOP_SECONDS = 2.0
"""In which a write that is under way may end."""


class Journal:
    """Follows a workspace on its worker and writes down what it hears."""

    def __init__(
        self,
        workspace: str,
        epoch: int,
        link: Switchboard,
        store: Store,
        metrics: Metrics,
        *,
        kept: bool = True,
        bulk: Callable[[], AbstractAsyncContextManager[Bulk]] | None = None,
    ) -> None:
        """
        :param kept: False: a scratch workspace, whose edits nobody stores.
        :param bulk: makes a bulk connection to the worker; without, checkpoints with bundles are refused.
        """
        self.kept = kept
        self.workspace = workspace
        self.epoch = epoch
        self.durable: float = 0 if kept else math.inf
        """Every edit up to this n is in the database, or needs not be."""
        self.was_closed = False
        """Whether it is over because the worker has closed the workspace, with everything stored."""
        self.over: asyncio.Future[SagewsError] = asyncio.get_running_loop().create_future()
        """Why nothing is written any more."""
        self._link = link
        self._store = store
        self._metrics = metrics
        self._pending: deque[Frame] = deque()
        self._pending_bytes = 0
        self._overrun = False
        self._more = asyncio.Event()
        self._bundles = ComingBundles(workspace, bulk, self._come, self._refuse)
        self._listeners: set[Callable[[], None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the workspace.

        :raises NotFound: the worker has it not open.
        :raises Fenced: the worker has it open at another epoch.
        :raises WorkerUnavailable: it does not answer.
        """
        self._link.follow(self.workspace, self)
        try:
            await self._follow()
        except SagewsError:
            self._link.follow_no_more(self.workspace, self)
            raise
        self._task = background.start(self._run(), f"journal of {self.workspace}")

    async def stop(self) -> None:
        """Write no more; repeatable. What is not written is with the worker."""
        self._end(WorkerUnavailable("The workspace is not kept by this backend any more."))
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
        await background.stop(self._task)
        await self._bundles.stop()

    @property
    def is_listened_to(self) -> bool:
        """Whether somebody here follows the workspace."""
        return bool(self._listeners)

    async def look(self) -> None:
        """Ask the worker whether it has the workspace still open; where not, this journal is over."""
        try:
            await self._follow()
        except NotFound as error:
            self._end(error)
        except WorkerUnavailable as error:
            log.info("Worker not asked", extra={"action": "worker_not_asked", "what": error.what})

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this whenever `durable` grows."""
        self._listeners.add(listener)

    def listen_no_more(self, listener: Callable[[], None]) -> None:
        """Undo `listen`; repeatable."""
        self._listeners.discard(listener)

    def fence(self) -> None:
        """The database says that the epoch is over; repeatable."""
        self._end(Fenced())

    # -- Follower

    def take(self, frame: Frame) -> None:
        """Take what the worker says on channel 0."""
        if frame.epoch != self.epoch:
            self._refuse_all([frame], Fenced())
            return
        if isinstance(frame.content, WorkspaceClosed):
            self.was_closed = True
            self._end(WorkerUnavailable(frame.content.reason))
        if not isinstance(frame.content, DocumentUpdate | DocumentMoved | Checkpoint):
            return
        if isinstance(frame.content, Checkpoint) and frame.content.bundle is not None:
            self._bundles.fetch(frame, frame.content.bundle)  # comes back when its bundle is here
            return
        self._put(frame)

    def _come(self, frame: Frame) -> None:
        self._put(frame)

    def _refuse_all(self, frames: Iterable[Frame], error: SagewsError) -> None:
        """Refuse the checkpoints among them: the worker waits for an answer before it closes the workspace."""
        for frame in frames:
            if isinstance(frame.content, Checkpoint):
                self._bundles.drop(frame)
                self._refuse(frame, error)

    def _refuse(self, frame: Frame, error: SagewsError) -> None:
        self._link.send(frame.reply(Refused.because(error, frame.content.type)))

    def _put(self, frame: Frame) -> None:
        if self.over.done():
            self._refuse_all([frame], self.over.result())
            return
        size = _size(frame)
        if self._overrun or (self._pending and self._pending_bytes + size > PENDING_BYTES):
            self._overrun = True
            self._bundles.drop(frame)
            return
        self._pending.append(frame)
        self._pending_bytes += size
        self._more.set()

    def lost(self) -> None:
        """The worker is gone."""
        self._end(WorkerUnavailable("The connection to the worker is lost."))

    # -- inside

    async def _follow(self) -> None:
        answer = await self._link.request(FollowJournal(), workspace=self.workspace, epoch=self.epoch)
        followed = answer.content
        if not isinstance(followed, JournalFollowed):
            raise WorkerUnavailable(f"The worker answered {followed.type!r}.")
        if answer.epoch != self.epoch:
            raise NotFound(f"The worker has the workspace at epoch {answer.epoch}, not {self.epoch}.")
        waiting = list(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        for entry in followed.unjournaled:
            update = DocumentUpdate(document=entry.document, update=entry.update, path=entry.path, actor=entry.actor)
            self.take(Frame(content=update, workspace=self.workspace, epoch=entry.epoch, n=entry.n))
        for frame in waiting:
            self.take(frame)
        self._advance(followed.unjournaled[0].n - 1 if followed.unjournaled else answer.n)

    async def _run(self) -> None:
        try:
            while not self.over.done():
                await self._more.wait()
                self._more.clear()
                while self._pending and not self.over.done():
                    await self._persist(self._next_batch())
                if self._overrun and not self.over.done():
                    self._overrun = False
                    await self._follow()
        except SagewsError as error:
            log.info(
                "Journal ended", extra={"action": "journal_ended", "workspace": self.workspace, "code": error.code}
            )
            self._end(error)

    def _next_batch(self) -> list[Frame]:
        """Edits as far as they stand together, or one checkpoint."""
        batch: list[Frame] = []
        while self._pending and len(batch) < BATCH:
            is_checkpoint = isinstance(self._pending[0].content, Checkpoint)
            if batch and is_checkpoint:
                break
            frame = self._pending.popleft()
            self._pending_bytes -= _size(frame)
            batch.append(frame)
            if is_checkpoint:
                break
        return batch

    async def _persist(self, batch: list[Frame]) -> None:
        """Write it, however often that has to be tried."""
        pause = FIRST_PAUSE_SECONDS
        while not self.over.done():
            try:
                await self._write(batch)
            except DatabaseUnavailable as error:
                self._metrics.journal_failures.inc()
                if pause == FIRST_PAUSE_SECONDS:
                    log.warning("Journal waits", extra={"action": "journal_waits", "what": error.what})
                await asyncio.wait({self.over}, timeout=pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                return
        self._refuse_all(batch, self.over.result())

    async def _write(self, batch: list[Frame]) -> None:
        first = batch[0]
        if isinstance(first.content, Checkpoint):
            await self._checkpoint(first, first.content)
            return
        await self._store.journal.append(self.workspace, self.epoch, [_entry(frame) for frame in batch])
        self._metrics.journaled.inc(len(batch))
        # After following anew, a frame can stand here twice: the last one is not always the highest.
        highest = max(frame.n for frame in batch)
        self._advance(highest)
        self._link.send(Frame(content=Journaled(), workspace=self.workspace, epoch=self.epoch, n=highest))

    async def _checkpoint(self, frame: Frame, checkpoint: Checkpoint) -> None:
        states = [DocumentState(one.document, one.path, one.state, one.digest or None) for one in checkpoint.documents]
        try:
            bundle = self._bundles.of(frame)
            await self._store.documents.checkpoint(self.workspace, self.epoch, frame.n, states, bundle)
        except Fenced as error:
            self._refuse_all([frame], error)
            raise
        except Conflict as error:
            log.error("Bundle does not fit", extra={"action": "bundle_refused", "workspace": self.workspace})
            self._refuse(frame, error)
            self._bundles.drop(frame)
            return
        self._bundles.drop(frame)
        for document in checkpoint.removed:
            try:
                await self._store.documents.delete(self.workspace, self.epoch, document)
            except NotFound:
                log.info("Removed document was never stored", extra={"action": "never_stored", "document": document})
        self._link.send(frame.reply(Checkpointed()))
        await self._store.workspaces.touch(self.workspace)

    def _advance(self, n: float) -> None:
        if n <= self.durable:
            return
        self.durable = n
        for listener in list(self._listeners):
            listener()

    def _end(self, error: SagewsError) -> None:
        self._link.follow_no_more(self.workspace, self)
        if not self.over.done():
            self.over.set_result(error)
            self._refuse_all(self._pending, error)
        self._more.set()


def _entry(frame: Frame) -> Entry:
    """An update; or where a document's file went, as an entry without an update ("" = it was deleted)."""
    content = frame.content
    if isinstance(content, DocumentMoved):
        return Entry(frame.n, content.document, content.path, b"", "")
    if isinstance(content, DocumentUpdate):
        return Entry(frame.n, content.document, content.path, content.update, content.actor)
    raise TypeError(f"{content.type} is no edit")


def _size(frame: Frame) -> int:
    content = frame.content
    if isinstance(content, DocumentUpdate):
        return len(content.update) + 200
    if isinstance(content, Checkpoint):
        return sum(len(document.state) for document in content.documents) + 200
    return 200
