"""WorkerClient: everything that can be said to a worker. Used by backends, benchmarks and people::

async with WorkerClient.unix(path) as worker:
    session = await worker.open_session("sage")
    result = await session.evaluate("factor(2^64+1)")
    print(result.text)
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from sagews.client.refusals import error_of
from sagews.client.worker_channel import Channel
from sagews.client.worker_link import Link, OpenLink, open_link, over_tls, over_unix
from sagews.client.worker_session import WorkerSession
from sagews.errors import SagewsError, WorkerUnavailable
from sagews.messages.connection import Refused, Welcome
from sagews.messages.frame import Frame
from sagews.messages.records import Limits
from sagews.messages.workspace import Checkpoint, CloseWorkspace, OpenWorkspace

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 2.0
"""Between two attempts to connect again."""
GIVING_UP_SECONDS = 5.0
"""Who cannot open a session waits no longer for what was made for it to be gone."""


class WorkerClient:
    """One worker, over one connection at a time; a lost one is made again, and channels go on by themselves."""

    def __init__(self, open_link: OpenLink) -> None:
        """Use `unix` or `tls`; nothing is connected until `async with` or `connect()`."""
        self.welcome: Welcome | None = None
        self.on_frame: Callable[[Frame], None] = lambda frame: None
        """Gets what comes on channel 0 unasked: `document_update`, `document_moved`, `checkpoint`."""
        self.on_lost: Callable[[], None] = lambda: None
        """Called when the connection is lost."""
        self.on_connected: Callable[[], None] = lambda: None
        """Called when there is a connection (again): time to follow journals."""
        self._open_link = open_link
        self._link: Link | None = None
        self._again: asyncio.Task[None] | None = None
        self._number = 0
        self._requests: dict[int, asyncio.Future[Frame]] = {}
        self._channels: dict[int, Channel] = {}
        self._channel_number = 0
        self.sessions: list[WorkerSession] = []
        """Those that `open_session` made and that are not closed."""
        self._closed = False

    @classmethod
    def unix(cls, path: Path | str, *, role: Literal["backend", "bulk", "script"] = "script") -> Self:
        """A worker on this machine, by its Unix socket."""
        return cls(partial(open_link, over_unix(path), role, ""))

    @classmethod
    def tls(
        cls,
        host: str,
        port: int,
        context: ssl.SSLContext,
        token: str,
        *,
        role: Literal["backend", "bulk", "script"] = "backend",
    ) -> Self:
        """A worker on TLS; the context has our certificate and checks the worker's."""
        return cls(partial(open_link, over_tls(host, port, context), role, token))

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._link is not None and not self._link.closed

    async def connect(self) -> None:
        """Connect and greet.

        :raises WorkerUnavailable: where nobody answers; NotSignedIn, MessageError: where we are refused.
        """
        self._link = await self._open_link(self._heard, self._lost)
        self.welcome = self._link.welcome.result()
        self.on_connected()

    async def close(self) -> None:
        """Close scratch sessions and the connection."""
        for session in tuple(self.sessions):
            try:
                await session.close()
            except WorkerUnavailable:
                break  # nothing can be said any more; the worker closes unused workspaces by itself
            except SagewsError as error:
                log.info("Session not closed", extra={"action": "session_not_closed", "what": error.what})
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        for channel in tuple(self._channels.values()):
            channel.end(lambda: WorkerUnavailable("The client was closed."))
        if self._link is not None:
            self._link.close()
            await self._link.gone()

    def send(self, frame: Frame) -> None:
        """Send a frame that needs no answer. Raises WorkerUnavailable where there is no connection."""
        if self._link is None:
            raise WorkerUnavailable("There is no connection to the worker now.")
        self._link.send(frame)

    async def room(self) -> None:
        """Wait until what was sent before has gone far enough."""
        if self._link is not None:
            await self._link.room()

    async def request(self, frame: Frame) -> Frame:
        """Send a frame and wait for its answer. Raises the error that it is refused with."""
        self._number += 1
        number = self._number
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._requests[number] = future
        try:
            self.send(replace(frame, request=number))
            return await future
        finally:
            self._requests.pop(number, None)

    def channel(self, workspace: str, client: str = "") -> Channel:
        """A new channel to an open workspace; `attach` comes next."""
        self._channel_number += 1  # no number comes again: what was said to an old channel may still be on its way
        channel = Channel(self, self._channel_number, workspace, client)
        self._channels[channel.number] = channel
        return channel

    def forget(self, channel: Channel) -> None:
        """For `Channel.detach`."""
        self._channels.pop(channel.number, None)

    async def open_session(
        self, environment: str = "", *, workspace: str = "", limits: Limits | None = None
    ) -> WorkerSession:
        """A new session.

        :param environment: one of the worker's; "" = its first.
        :param workspace: one that is open; "" = a new scratch workspace, which goes with the session.
        """
        if workspace:
            return await self.begin_session(environment, workspace)
        workspace = f"scratch-{secrets.token_hex(8)}"
        opening = OpenWorkspace(kept=False, limits=limits or Limits())
        await self.request(Frame(content=opening, workspace=workspace, epoch=1))
        closing = Frame(content=CloseWorkspace(), workspace=workspace, epoch=1)
        return await self.begin_session(environment, workspace, lambda: self.request(closing))

    async def begin_session(
        self, environment: str, workspace: str, close_workspace: Callable[[], Awaitable[object]] | None = None
    ) -> WorkerSession:
        """A new session in a workspace that is open.

        :param close_workspace: what ends the workspace too when the session is closed, or cannot be opened.
        """
        session = WorkerSession(self, self.channel(workspace), close_workspace)
        self.sessions.append(session)
        try:
            await session.open(environment)
        except BaseException:
            # Why it cannot be opened says more than what happens now.
            with suppress(SagewsError, TimeoutError):
                async with asyncio.timeout(GIVING_UP_SECONDS):
                    await session.give_up()
            raise
        return session

    def session_closed(self, session: WorkerSession) -> None:
        """For `WorkerSession.close`."""
        if session in self.sessions:
            self.sessions.remove(session)

    # --- inside

    def _heard(self, frame: Frame) -> None:
        # A checkpoint is the worker's own request, with a number of its own.
        is_answer = frame.request and not isinstance(frame.content, Checkpoint)
        future = self._requests.get(frame.request) if is_answer else None
        if future is not None and not future.done():
            if isinstance(frame.content, Refused):
                future.set_exception(error_of(frame.content))
            else:
                future.set_result(frame)
        channel = self._channels.get(frame.channel)
        if channel is not None and (future is None or frame.content.type == "attached"):
            channel.heard(frame)
        elif future is None and not frame.channel:
            self.on_frame(frame)

    def _lost(self) -> None:
        for future in self._requests.values():
            if not future.done():
                future.set_exception(WorkerUnavailable("The connection was lost before the answer came."))
        for channel in self._channels.values():
            channel.connection_lost()
        had = self.welcome is not None
        if had:
            self.on_lost()
        if had and not self._closed and (self._again is None or self._again.done()):
            self._again = asyncio.get_running_loop().create_task(self._connect_again())

    async def _connect_again(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while not self._closed:
            try:
                await self.connect()
                await asyncio.gather(*(channel.connection_made() for channel in tuple(self._channels.values())))
            except SagewsError as error:
                log.info("Worker does not answer", extra={"action": "worker_lost", "error": error.what})
            if self.connected:  # it may have been lost again while channels attached
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
