"""Channel: one follower of an open workspace, on a worker's connection that others share.

Invariants: `events()` gives everything, once, in order, also across lost connections: what is missing is
asked for again, and where the worker has it no more a snapshot (`attached`) takes its place. Commands are
sent again until they are answered; the worker obeys each once. A consumer that does not keep up costs
bounded memory here and nobody else's time. Where the workspace was closed (`workspace_closed`) or cannot be had for a
while, it attaches again; what it then gets has another epoch, and commands of the old one are refused as `Fenced`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from sagews.client.refusals import error_of
from sagews.errors import SagewsError, Unavailable, WorkerUnavailable
from sagews.messages.connection import Refused
from sagews.messages.frame import Frame, Message
from sagews.messages.records import Actor
from sagews.messages.workspace import Acknowledged, Attach, Attached, Detach, WorkspaceClosed

if TYPE_CHECKING:
    from sagews.client.worker import WorkerClient

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
"""Between two attempts to attach."""
BUFFER_EVENTS = 5_000
"""Waiting for the consumer; then the channel lets the worker keep them."""


class Channel:
    """One follower; made by `WorkerClient.channel`."""

    def __init__(self, worker: WorkerClient, number: int, workspace: str, client: str = "") -> None:
        """:param client: who numbers the commands; default: a random name."""
        self.number = number
        self.workspace = workspace
        self.client = client or secrets.token_hex(8)
        self.epoch = 0
        self.n = 0
        """(epoch, n): up to where `events()` has been filled."""
        self.actor: Actor | None = None
        self._worker = worker
        self._k = 0
        self._unanswered: dict[int, tuple[Frame, asyncio.Future[Frame]]] = {}
        self._events: deque[Frame] = deque()
        self._news = asyncio.Event()
        self._wanted = False
        self._following = False
        self._over: Callable[[], Exception] | None = None
        self._turn = asyncio.Lock()

    async def attach(self, after: tuple[int, int] = (0, 0), actor: Actor | None = None) -> Frame:
        """Follow the workspace from after (epoch, n); returns the `attached` frame, which `events()` has too.

        :param actor: for whom; a backend must say.
        """
        async with self._turn:
            self.epoch, self.n = after
            self.actor = actor
            self._wanted = True
            return await self._attach()

    async def events(self) -> AsyncIterator[Frame]:
        """Everything that comes on this channel, `attached` frames included.

        :raises WorkerUnavailable: when the client was closed.
        :raises SagewsError: what it is refused with, where the workspace can be followed no more.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            while self._events:
                yield self._events.popleft()
            if self._over is not None:
                raise self._over()
            if not self._wanted or self._following or not self._worker.connected:
                pause = FIRST_PAUSE_SECONDS
                self._news.clear()
                await self._news.wait()
            elif not await self._attach_again():
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def command(self, content: Message, *, session: str = "", epoch: int = 0) -> Frame:
        """Give a numbered command or update; returns its `acknowledged`.

        It is sent again after a lost connection. Raises the error that the worker refuses it with; where the
        channel has ended, why it has.
        """
        if self._over is not None:
            raise self._over()
        self._k += 1
        frame = Frame(
            content=content,
            workspace=self.workspace,
            session=session,
            epoch=epoch or self.epoch,
            client=self.client,
            k=self._k,
            channel=self.number,
        )
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._unanswered[self._k] = (frame, future)
        if self._following and self._worker.connected:
            self._say(frame)
        return await future

    async def ask(self, content: Message, *, session: str) -> Frame:
        """Ask a session something (completion, help). Raises the error that it is refused with."""
        return await self._worker.request(
            Frame(content=content, workspace=self.workspace, session=session, channel=self.number)
        )

    def send(self, frame: Frame) -> None:
        """Send a frame as it is, on this channel and about this workspace (relays)."""
        self._worker.send(frame.reply(frame.content, channel=self.number, workspace=self.workspace))

    async def detach(self) -> None:
        """Follow it no more."""
        self._wanted = self._following = False
        self._worker.forget(self)
        if self._worker.connected:
            await self._worker.request(Frame(content=Detach(), workspace=self.workspace, channel=self.number))

    # --- for WorkerClient

    def heard(self, frame: Frame) -> None:
        """A frame on this channel."""
        if frame.k and frame.client == self.client and isinstance(frame.content, Acknowledged | Refused):
            self._answered(frame)
        elif isinstance(frame.content, Attached):
            self._following = True
            self.epoch, self.n = frame.epoch, frame.n
            self._put(frame)
            self._resend(frame.content.k)
        elif not frame.n:
            if isinstance(frame.content, WorkspaceClosed):
                self._following = False
            self._put(frame)
        elif self._following:
            self.n = frame.n
            self._put(frame)
            if len(self._events) > BUFFER_EVENTS:
                self._fall_back()

    def connection_lost(self) -> None:
        """What follows comes on another connection."""
        self._following = False

    async def connection_made(self) -> None:
        """Go on where the last connection ended."""
        if self._wanted and not self._following and len(self._events) <= BUFFER_EVENTS // 2:
            await self._attach_again()
        self._news.set()

    def end(self, error: Callable[[], Exception]) -> None:
        """Nothing is followed or answered any more: the client is closed, or the workspace is gone."""
        self._over = error
        for _, future in self._unanswered.values():
            if not future.done():
                future.set_exception(error())
        self._unanswered.clear()
        self._news.set()

    # --- inside

    async def _attach_again(self) -> bool:
        """False where that cannot be done now; `events` tries it again."""
        async with self._turn:
            if self._following:
                return True
            try:
                await self._attach()
            except Unavailable as error:
                log.info("Not attached yet", extra={"action": "not_attached", "code": error.code, "what": error.what})
                return False
            except SagewsError as error:
                refusal = error
                self._wanted = False
                self.end(lambda: refusal)
            return True

    async def _attach(self) -> Frame:
        frame = Frame(
            content=Attach(self.actor),
            workspace=self.workspace,
            channel=self.number,
            client=self.client,
            epoch=self.epoch,
            n=self.n,
        )
        return await self._worker.request(frame)

    def _put(self, frame: Frame) -> None:
        self._events.append(frame)
        self._news.set()

    def _fall_back(self) -> None:
        """The consumer does not keep up: the worker's buffer keeps what follows (`events` attaches again)."""
        self._following = False
        self._say(Frame(content=Detach(), workspace=self.workspace, channel=self.number))

    def _answered(self, frame: Frame) -> None:
        _, future = self._unanswered.pop(frame.k, (None, None))
        if future is None or future.done():
            return
        if isinstance(frame.content, Refused):
            future.set_exception(error_of(frame.content))
        else:
            future.set_result(frame)

    def _resend(self, taken: int) -> None:
        """Say again, in order, what is unanswered; what was taken is answered again without being obeyed again."""
        self._k = max(self._k, taken)
        for frame, _ in tuple(self._unanswered.values()):
            if not self._say(frame):
                return

    def _say(self, frame: Frame) -> bool:
        """Send a frame; False where the connection is lost, also where nobody has noticed yet.

        Nothing is lost then: what is unanswered is said again after attaching to the next one.
        """
        try:
            self._worker.send(frame)
        except WorkerUnavailable:
            return False
        return True
