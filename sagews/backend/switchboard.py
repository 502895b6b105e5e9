"""The live connection of this backend to one worker: requests, channels, journals.

Invariant: a frame is handed to whoever owns its channel at once and in order, so one slow client holds nobody up; the
owners bound what they keep.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, Self

from sagews.client.refusals import error_of
from sagews.client.worker_link import Connect, WorkerLink, open_link
from sagews.errors import SagewsError, Unavailable, WorkerUnavailable
from sagews.messages import Frame
from sagews.messages.connection import Refused, Welcome
from sagews.messages.frame import Malformed, Message
from sagews.messages.room import Openings, Room
from sagews.messages.workspace import Checkpoint

log = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0


class Follower(Protocol):
    """Who owns a channel, or a workspace's journal."""

    def take(self, frame: Frame) -> None:
        """Take a frame; must not wait."""

    def lost(self) -> None:
        """The connection is gone: nothing comes any more."""


class Switchboard:
    """One connection, from its greeting to its end."""

    def __init__(self, on_news: Callable[[Room | Openings], None] = lambda news: None) -> None:
        self.gone = asyncio.Event()
        self._on_news = on_news
        self._link: WorkerLink | None = None
        self._channels: dict[int, Follower] = {}
        self._journals: dict[str, Follower] = {}
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._numbers = itertools.count(1)
        self._channel_numbers = itertools.count(1)

    @classmethod
    async def open(
        cls, connect: Connect, token: str, on_news: Callable[[Room | Openings], None] = lambda news: None
    ) -> Self:
        """Connect and greet.

        :param on_news: is told what the worker has open, and how much room it has, whenever that changes.
        :raises WorkerUnavailable: nobody answers there.
        :raises SagewsError: the worker refuses us.
        """
        board = cls(on_news)
        board._link = await open_link(connect, "backend", token, board._take, board._lost)
        return board

    @property
    def welcome(self) -> Welcome:
        """What the worker said first."""
        return self._open_link().welcome.result()

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._link is not None and not self._link.closed and not self.gone.is_set()

    @property
    def was_silent(self) -> bool:
        """Whether it ended because the worker said nothing any more."""
        return self._link is not None and self._link.was_silent

    def send(self, frame: Frame) -> None:
        """Send a frame; nothing happens where the connection is gone, of which every follower is told."""
        if self.is_open:
            self._open_link().send(frame)

    async def room(self) -> None:
        """Wait while the socket is full."""
        await self._open_link().room()

    async def request(self, content: Message, *, workspace: str = "", epoch: int = 0) -> Frame:
        """Ask, and wait for the answer.

        :raises WorkerUnavailable: the connection broke, or no answer came in `ANSWER_SECONDS`.
        :raises SagewsError: what the worker refused with.
        """
        if not self.is_open:
            raise WorkerUnavailable
        number = next(self._numbers)
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self.send(Frame(content=content, workspace=workspace, epoch=epoch, request=number))
            frame = await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError as error:
            raise WorkerUnavailable("The worker does not answer.") from error
        finally:
            del self._answers[number]
        if isinstance(frame.content, Refused):
            raise error_of(frame.content)
        return frame

    def open_channel(self, follower: Follower) -> int:
        """A new channel, whose frames the follower takes."""
        number = next(self._channel_numbers)
        self._channels[number] = follower
        return number

    def close_channel(self, channel: int) -> None:
        """Hand on nothing more of it; repeatable."""
        self._channels.pop(channel, None)

    def follow(self, workspace: str, follower: Follower) -> None:
        """Hand the workspace's journal to the follower."""
        self._journals[workspace] = follower

    def follow_no_more(self, workspace: str, follower: Follower) -> None:
        """Undo `follow`; repeatable."""
        if self._journals.get(workspace) is follower:
            del self._journals[workspace]

    def close(self) -> None:
        """Send what waits and close; repeatable."""
        if self._link is not None:
            self._link.close()

    # -- inside

    def _open_link(self) -> WorkerLink:
        if self._link is None:
            raise WorkerUnavailable
        return self._link

    def _take(self, frame: Frame) -> None:
        if isinstance(frame.content, Malformed):
            log.error("Worker sent nonsense", extra={"action": "worker_nonsense", "what": frame.content.error.what})
        elif isinstance(frame.content, Room | Openings):
            self._on_news(frame.content)
        elif frame.channel:
            follower = self._channels.get(frame.channel)
            if follower is not None:
                follower.take(replace(frame, channel=0))
        elif frame.request in self._answers and not isinstance(frame.content, Checkpoint):
            answer = self._answers[frame.request]
            if not answer.done():
                answer.set_result(frame)
        elif frame.workspace in self._journals:
            self._journals[frame.workspace].take(frame)
        elif isinstance(frame.content, Checkpoint):
            # Without an answer the worker would wait before it closes a workspace that was deleted.
            reason = Unavailable("This backend does not store the workspace any more.")
            self.send(frame.reply(Refused.because(reason, frame.content.type)))

    def _lost(self) -> None:
        self.gone.set()
        reason: SagewsError = WorkerUnavailable("The connection to the worker is lost.")
        for future in self._answers.values():
            if not future.done():
                future.set_exception(reason)
        for follower in (*self._channels.values(), *self._journals.values()):
            follower.lost()
        self._channels.clear()
        self._journals.clear()
