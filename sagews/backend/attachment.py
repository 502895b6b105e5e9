"""One client that follows one workspace, through this backend.

Invariants: messages go to the worker in the client's order, and each number once per opening; events come to the
client once and in order, or a snapshot takes their place. The answer to an update waits until the update is in the
journal. What waits here is bounded: a slow client lets the worker keep its events, and attaches again for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sagews.backend.outbox import Outbox
from sagews.backend.rights import Rights
from sagews.backend.unanswered import Unanswered
from sagews.backend.worker_pool import Opening, WorkerPool
from sagews.client.refusals import error_of
from sagews.errors import (
    DatabaseUnavailable,
    Disconnected,
    Fenced,
    NotFound,
    SagewsError,
    WorkerUnavailable,
)
from sagews.messages import Frame
from sagews.messages.connection import Refused
from sagews.messages.frame import dump
from sagews.messages.workspace import Acknowledged, Attach, Attached, Detach, Update, WorkspaceClosed

log = logging.getLogger(__name__)

Send = Callable[[str], Awaitable[None]]

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
PATIENCE_SECONDS = 30.0
"""How long an answer to `attach` may take."""


class Attachment:
    """Follows a workspace until it is closed; attaches again by itself whenever that is needed."""

    def __init__(self, pool: WorkerPool, rights: Rights, attach: Frame, send: Send) -> None:
        """
        :param rights: what the client may do in the workspace.
        :param attach: the client's message; its (epoch, n) says what the client has already.
        :param send: sends a text to the client; waits while the client's buffer is full.
        """
        self.workspace = attach.workspace
        self._pool = pool
        self._rights = rights
        self._client = attach.client
        self._name = f"{rights.account}/{attach.client}"
        """What the worker knows the client as: nobody can number messages in another account's name."""
        self._request = attach.request
        self._epoch, self._n = attach.epoch, attach.n
        self._send = send
        self._outbox = Outbox()
        self._unanswered = Unanswered()
        self._held: deque[tuple[int, Frame]] = deque()
        self._opening: Opening | None = None
        self._channel = 0
        self._attached = asyncio.Event()
        self._changed = asyncio.Event()
        self._refusal: SagewsError | None = None
        self._is_lost = False
        self._is_behind = False
        self._attempt = self._attempts = 0
        """The number of the `attach` that is under way; 0 = none."""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow."""
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._pump())]

    async def close(self) -> None:
        """Follow no more; repeatable."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._leave()

    # -- from the client

    async def give(self, frame: Frame, size: int) -> None:
        """Hand a message of the client to the worker, after all those before it.

        :raises NotAllowed: the client is a reader.
        :raises NotFound: it may not even read any more.
        """
        await self._rights.require_writing()
        frame = replace(frame, client=self._name)
        if frame.k:
            if not await self._unanswered.add(frame, size):
                return
            if self._attached.is_set():
                self._send_unsent()
        else:
            await self._attached.wait()
            self._to_worker(frame)
        if self._opening is not None:
            await self._opening.link.room()

    def present(self, frame: Frame) -> None:
        """Hand on what may be lost."""
        if self._attached.is_set():
            self._to_worker(replace(frame, client=self._name))

    # -- Follower: from the worker

    def take(self, frame: Frame) -> None:
        """A frame on our channel."""
        content = frame.content
        if isinstance(content, Attached):
            if self._attached.is_set() or frame.request == self._attempt:
                self._take_attached(frame)
        elif isinstance(content, Refused) and content.refused == Attach.type:
            self._refusal = error_of(content)
            self._changed.set()
        elif isinstance(content, WorkspaceClosed):
            self._is_lost = True
            self._changed.set()
        elif frame.k and isinstance(content, Acknowledged | Refused) and frame.client == self._name:
            self._take_answer(frame)
        elif frame.n:
            self._take_event(frame)
        else:
            self._put(frame)

    def lost(self) -> None:
        """The connection to the worker is gone."""
        self._is_lost = True
        self._attached.clear()
        self._changed.set()

    def _take_attached(self, frame: Frame) -> None:
        self._epoch, self._n = frame.epoch, frame.n
        self._put(replace(frame, request=self._request))
        self._request = self._attempt = 0
        self._is_behind = False
        self._attached.set()
        self._changed.set()

    def _take_event(self, frame: Frame) -> None:
        if not self._attached.is_set():
            return
        text = dump(self._for_client(frame))
        if not self._outbox.has_room(text):
            self._is_behind = True
            self._attached.clear()
            self._changed.set()
            return
        self._n = frame.n
        self._outbox.put(text)

    def _take_answer(self, frame: Frame) -> None:
        given = self._unanswered.get(frame.k)
        is_update = given is not None and isinstance(given.content, Update)
        durable = self._opening.journal.durable if self._opening is not None else 0
        if is_update and isinstance(frame.content, Acknowledged) and frame.n > durable:
            self._held.append((frame.n, frame))
            return
        self._answer(frame)

    def _release(self) -> None:
        """Called when the journal has more: answer what waited for it."""
        if self._opening is None:
            return
        durable, held = self._opening.journal.durable, self._held
        self._held = deque(one for one in held if one[0] > durable)
        for n, frame in held:
            if n <= durable:
                self._answer(frame)

    def _answer(self, frame: Frame) -> None:
        self._unanswered.answered(frame.k)
        self._put(frame)

    def _put(self, frame: Frame) -> None:
        self._outbox.put(dump(self._for_client(frame)))

    def _for_client(self, frame: Frame) -> Frame:
        return replace(frame, client=self._client) if frame.client == self._name else frame

    # -- tasks

    async def _follow(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._changed.clear()
            try:
                await self._attach()
                pause = FIRST_PAUSE_SECONDS
                await self._changed.wait()
                if self._is_behind:
                    await self._catch_up()
                continue
            except (Fenced, WorkerUnavailable, DatabaseUnavailable) as error:
                log.info("Not attached", extra={"action": "not_attached", "code": error.code, "what": error.what})
            except SagewsError as error:
                self._put(self._frame(Refused.because(error, Attach.type), request=self._request))
                return
            self._leave()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _attach(self) -> None:
        """Attach, where we are not: at the same opening, or at the next one."""
        opening = self._opening
        if opening is not None and not self._is_lost and not opening.is_over and self._attached.is_set():
            return
        if opening is not None and (self._is_lost or opening.is_over):
            self._leave()
            await self._pool.discard(opening)
        await self._rights.require_reading()
        if self._opening is None:
            await self._enter(await self._pool.open(self.workspace))
        self._refusal = None
        self._attempts += 1
        self._attempt = self._attempts
        attach = Attach(actor=self._rights.actor())
        where = {"epoch": self._epoch, "n": self._n, "client": self._name, "request": self._attempt}
        self._to_worker(self._frame(attach, **where))
        await self._until_attached()
        self._send_unsent()

    async def _enter(self, opening: Opening) -> None:
        self._opening, self._is_lost = opening, False
        self._held.clear()
        self._unanswered.unsend()
        self._channel = opening.link.open_channel(self)
        opening.journal.listen(self._release)
        opening.journal.over.add_done_callback(self._over)

    async def _until_attached(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not self._attached.is_set():
                    self._changed.clear()
                    if self._is_lost:
                        raise WorkerUnavailable
                    if self._refusal is not None:
                        raise self._refused(self._refusal)
                    await self._changed.wait()
        except TimeoutError as error:
            raise WorkerUnavailable("The worker does not attach us.") from error
        self._changed.clear()

    def _refused(self, error: SagewsError) -> SagewsError:
        """A worker that does not know the workspace has closed it, or is another process than it was."""
        if isinstance(error, NotFound):
            self._is_lost = True
            return WorkerUnavailable(error.what)
        return error

    async def _catch_up(self) -> None:
        """The client is slow: leave events with the worker until it has taken what waits here."""
        self._to_worker(self._frame(Detach()))
        await self._outbox.emptied()

    def _leave(self) -> None:
        opening, self._opening = self._opening, None
        self._attached.clear()
        if opening is None:
            return
        opening.journal.listen_no_more(self._release)
        opening.journal.over.remove_done_callback(self._over)
        opening.link.send(self._frame(Detach(), channel=self._channel))
        opening.link.close_channel(self._channel)
        self._held.clear()

    def _over(self, over: object) -> None:
        self._is_lost = True
        self._attached.clear()
        self._changed.set()

    async def _pump(self) -> None:
        """From the outbox to the client."""
        while True:
            text = await self._outbox.get()
            try:
                await self._rights.require_reading()
            except NotFound as error:
                await self._send(dump(self._frame(Refused.because(error, Attach.type))))
                self._leave()
                return
            try:
                await self._send(text)
            except Disconnected:
                return

    # -- to the worker

    def _send_unsent(self) -> None:
        for frame in self._unanswered.to_send():
            self._to_worker(frame)

    def _to_worker(self, frame: Frame) -> None:
        if self._opening is not None:
            self._opening.link.send(replace(frame, channel=self._channel, n=frame.n, workspace=self.workspace))

    def _frame(self, content: object, **envelope: object) -> Frame:
        return Frame(content=content, workspace=self.workspace, **envelope)  # type: ignore[arg-type]
