"""One client that follows one workspace, through this backend.

Invariants: messages go to the worker in the client's order; events come to the client once and in order, or a snapshot
takes their place. The answer to an update waits until the update is in the journal. What waits here is bounded: a slow
client lets the worker keep its events, and attaches again for them. Where the worker is lost, or another one has the
workspace, the client hears `workspace_closed`; it attaches again, and then sends again what was not answered. What it
sent before it heard that is dropped, so that the worker never sees a number before the ones below it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sagews.backend import background
from sagews.backend.bell import Bell
from sagews.backend.outbox import Outbox
from sagews.backend.rights import Rights
from sagews.backend.worker_pool import Opening, WorkerPool
from sagews.client.refusals import error_of
from sagews.errors import Disconnected, Fenced, NotAllowed, NotFound, SagewsError, WorkerUnavailable
from sagews.messages import Frame
from sagews.messages.connection import Refused
from sagews.messages.frame import Message, dump
from sagews.messages.workspace import Acknowledged, Attach, Attached, Detach, Update, WorkspaceClosed

log = logging.getLogger(__name__)

Send = Callable[[str], Awaitable[None]]

PATIENCE_SECONDS = 30.0
"""How long the worker's answer to `attach` may take."""
TRIES = 3
HELD = 5000
"""Answers that may wait for the journal; then the client is not read any more."""


class Attachment:
    """Follows a workspace until its client or its worker ends that."""

    def __init__(self, pool: WorkerPool, rights: Rights, attach: Frame, send: Send) -> None:
        """
        :param rights: what the client may do in the workspace.
        :param attach: the client's message; its (epoch, n) says what the client has already.
        :param send: sends a text to the client; waits while the client's buffer is full.
        """
        self.workspace = attach.workspace
        self.is_over = False
        """Nothing comes any more; the client attaches again."""
        self._pool = pool
        self._rights = rights
        self._client = attach.client
        self._name = f"{rights.account}/{attach.client}"
        """What the worker knows the client as: nobody can number messages in another account's name."""
        self._request = attach.request
        self._epoch, self._n = attach.epoch, attach.n
        self._send = send
        self._outbox = Outbox()
        self._held: deque[Frame] = deque()
        self._opening: Opening | None = None
        self._channel = 0
        self._attempts = 0
        self._is_attached = False
        self._is_behind = False
        self._is_doubtful = False
        self._last_word = ""
        self._loss: SagewsError | None = None
        self._bell = Bell()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow."""
        name = f"attachment of {self._name} to {self.workspace}"
        self._tasks = [background.start(self._follow(), name), background.start(self._pump(), name)]

    @property
    def account(self) -> str:
        """Who follows."""
        return self._rights.account

    def look_again(self) -> None:
        """The client's rights may be others now."""
        self._rights.doubt()
        self._is_doubtful = True
        self._bell.ring()

    async def close(self) -> None:
        """Follow no more; repeatable."""
        tasks, self._tasks = self._tasks, []
        await background.stop(*tasks)
        self._leave()

    # -- from the client

    async def give(self, frame: Frame) -> None:
        """Hand a message of the client to the worker, after all those before it.

        :raises NotAllowed: the client is a reader, and it is more than reading.
        :raises NotFound: it may not even read any more.
        :raises WorkerUnavailable: it is a question, and nobody can answer it now.
        :raises Fenced: it is a command, and the workspace was closed meanwhile. (An update is dropped: its client
            sends it again.)
        """
        if frame.content.only_reads:
            await self._rights.require_reading()
        else:
            await self._rights.require_writing()
        await self._bell.until(lambda: self.is_over or (self._is_attached and len(self._held) < HELD))
        if self._opening is not None and not self.is_over:
            self._to_worker(replace(frame, client=self._name))
            await self._opening.link.room()
        elif not frame.k:
            raise WorkerUnavailable
        elif not isinstance(frame.content, Update):
            raise Fenced("The workspace was closed before this was done.")

    def present(self, frame: Frame) -> None:
        """Hand on what may be lost."""
        if self._is_attached:
            self._to_worker(replace(frame, client=self._name))

    # -- Follower: from the worker

    def take(self, frame: Frame) -> None:
        """A frame on our channel."""
        content = frame.content
        if isinstance(content, Attached):
            self._take_attached(frame)
        elif isinstance(content, Refused) and content.refused == Attach.type:
            self._lose(error_of(content))
        elif isinstance(content, WorkspaceClosed):
            self._lose(WorkerUnavailable(content.reason))
        elif isinstance(content, Acknowledged) and frame.n > self._durable():
            self._held.append(frame)
        elif frame.n and not isinstance(content, Acknowledged):
            self._take_event(frame)
        else:
            self._put(frame)

    def lost(self) -> None:
        """The connection to the worker is gone."""
        self._lose(WorkerUnavailable("The worker does not answer any more."))

    def _take_attached(self, frame: Frame) -> None:
        """An answer to our last `attach`, or a snapshot that the worker sends because we fell out of its buffer."""
        if not self._is_attached and frame.request != self._attempts:
            return
        self._epoch, self._n = frame.epoch, frame.n
        self._put(replace(frame, request=self._request))
        self._request = 0
        self._is_attached = True
        self._bell.ring()

    def _take_event(self, frame: Frame) -> None:
        if not self._is_attached:
            return
        text = dump(self._for_client(frame))
        if self._outbox.has_room(text):
            self._n = frame.n
            self._outbox.put(text)
        else:
            self._is_attached, self._is_behind = False, True
            self._bell.ring()

    def _release(self) -> None:
        """The journal has more: answer what waited for it."""
        durable, held = self._durable(), self._held
        self._held = deque(frame for frame in held if frame.n > durable)
        for frame in held:
            if frame.n <= durable:
                self._put(frame)
        self._bell.ring()

    def _lose(self, error: SagewsError) -> None:
        if self._loss is None:
            self._loss = error
        self._is_attached = False
        self._bell.ring()

    # -- tasks

    async def _follow(self) -> None:
        try:
            await self._enter()
            while True:
                await self._bell.until(
                    lambda: self._loss is not None or self._is_behind or self._is_doubtful or self.is_over
                )
                if self._loss is not None or self.is_over:
                    break
                if self._is_doubtful:
                    await self._check_rights()
                else:
                    await self._catch_up()
            if self._loss is not None:
                self._end(WorkspaceClosed(reason=self._loss.what))
        except SagewsError as error:
            self._end(Refused.because(error, Attach.type), request=self._request)

    async def _enter(self) -> None:
        """Open the workspace, where that is needed, and attach to it."""
        await self._rights.require_reading()
        for _ in range(TRIES):
            opening = await self._pool.open(self.workspace)
            self._opening, self._loss = opening, None
            self._channel = opening.link.open_channel(self)
            opening.journal.listen(self._release)
            opening.journal.over.add_done_callback(self._journal_over)
            try:
                await self._attach()
            except (NotFound, WorkerUnavailable) as error:
                # The worker has closed it, or is another process than it was.
                log.info("Not attached", extra={"action": "not_attached", "code": error.code, "what": error.what})
                self._leave()
                await self._pool.discard(opening)
                continue
            return
        raise WorkerUnavailable("The workspace cannot be opened now.")

    async def _attach(self) -> None:
        self._attempts += 1
        self._is_behind = False
        attach = Attach(actor=self._rights.actor())
        where = {"epoch": self._epoch, "n": self._n, "client": self._name, "request": self._attempts}
        self._to_worker(self._frame(attach, **where))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._bell.until(lambda: self._is_attached or self._loss is not None)
        except TimeoutError as error:
            raise WorkerUnavailable("The worker does not attach us.") from error
        if self._loss is not None:
            raise self._loss

    async def _check_rights(self) -> None:
        """Go on, or end; with another role, attach anew, so that the worker knows it."""
        self._is_doubtful = False
        before = self._rights.actor().role
        try:
            await self._rights.require_reading()
        except (NotFound, NotAllowed):
            self._outbox.clear()
            raise
        if self._rights.actor().role != before and self._is_attached:
            self._to_worker(self._frame(Detach()))
            self._is_attached = False
            await self._attach()

    async def _catch_up(self) -> None:
        """The client is slow: leave events with the worker until it has taken what waits here."""
        self._to_worker(self._frame(Detach()))
        await self._outbox.emptied()
        await self._attach()

    async def _pump(self) -> None:
        """From the outbox to the client."""
        while True:
            text = await self._outbox.get()
            try:
                if not self.is_over:
                    await self._rights.require_reading()
                await self._send(text)
            except (NotFound, NotAllowed) as error:
                self._outbox.clear()
                if self.is_over:
                    self._outbox.put(self._last_word)
                else:
                    self._end(Refused.because(error, Attach.type))
            except Disconnected:
                return

    # -- inside

    def _end(self, content: Message, **envelope: Any) -> None:
        self._leave()
        if not self.is_over:
            self.is_over = True
            self._last_word = dump(self._for_client(self._frame(content, **envelope)))
            self._outbox.put(self._last_word)
        self._bell.ring()

    def _leave(self) -> None:
        opening, self._opening = self._opening, None
        self._is_attached = False
        if opening is None:
            return
        opening.journal.listen_no_more(self._release)
        opening.journal.over.remove_done_callback(self._journal_over)
        opening.link.send(self._frame(Detach(), channel=self._channel))
        opening.link.close_channel(self._channel)
        self._held.clear()

    def _journal_over(self, over: asyncio.Future[SagewsError]) -> None:
        self._lose(over.result())

    def _durable(self) -> float:
        return self._opening.journal.durable if self._opening is not None else 0

    def _put(self, frame: Frame) -> None:
        self._outbox.put(dump(self._for_client(frame)))

    def _for_client(self, frame: Frame) -> Frame:
        return replace(frame, client=self._client) if frame.client == self._name else frame

    def _to_worker(self, frame: Frame) -> None:
        if self._opening is not None:
            self._opening.link.send(replace(frame, channel=self._channel, workspace=self.workspace))

    def _frame(self, content: Message, **envelope: Any) -> Frame:
        return Frame(content=content, workspace=self.workspace, **envelope)
