"""Sessions that wait for a place, and workspaces that are closing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sagews.client.worker import WorkerClient
from sagews.client.worker_channel import Channel
from sagews.errors import SessionEnded, Unavailable
from sagews.messages import commands, jupyter
from sagews.messages.connection import Waiting
from sagews.messages.frame import Frame, Message
from sagews.messages.records import Actor
from sagews.messages.workspace import (
    Checkpoint,
    Checkpointed,
    CloseWorkspace,
    FollowJournal,
    OpenWorkspace,
    SessionStarted,
)
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import OwnServer

Make = Callable[[WorkerSettings], Awaitable[OwnServer]]
W = "w1"


async def until(events: AsyncIterator[Frame], kind: type[Message]) -> Frame:
    async with asyncio.timeout(30):
        async for frame in events:
            if isinstance(frame.content, kind):
                return frame
    raise AssertionError


async def one_that_waits(client: WorkerClient, session: str) -> tuple[Channel, AsyncIterator[Frame]]:
    """A session in a workspace of its own, behind another one that has the only place."""
    await client.request(Frame(content=OpenWorkspace(kept=False), workspace=W, epoch=1))
    channel = client.channel(W)
    await channel.attach()
    events = channel.events()
    await channel.command(commands.OpenSession(), session=session)
    await until(events, Waiting)
    return channel, events


async def test_a_restart_of_a_session_that_waits_keeps_its_place(own_server: Make) -> None:
    server = await own_server(WorkerSettings(sessions=1))
    async with WorkerClient.unix(server.data / "w.sock") as client:
        first = await client.open_session()
        channel, events = await one_that_waits(client, "s")
        await channel.command(jupyter.ShutdownRequest(restart=True), session="s")
        await first.close()
        assert (await until(events, SessionStarted)).session == "s"


async def test_who_asks_a_session_that_never_starts_is_refused(own_server: Make) -> None:
    server = await own_server(WorkerSettings(sessions=1))
    async with WorkerClient.unix(server.data / "w.sock") as client:
        first = await client.open_session()
        channel, _ = await one_that_waits(client, "s")
        asking = asyncio.create_task(channel.ask(jupyter.CompleteRequest("im", 2), session="s"))
        await asyncio.sleep(0)
        await channel.command(jupyter.ShutdownRequest(), session="s")
        async with asyncio.timeout(10):
            with pytest.raises(SessionEnded):
                await asking
        await first.close()


async def test_no_session_opens_in_a_workspace_that_is_closing(own_server: Make) -> None:
    server = await own_server(WorkerSettings())
    async with WorkerClient.unix(server.data / "w.sock", role="backend") as client:
        stored: asyncio.Queue[Frame] = asyncio.Queue()
        client.on_frame = lambda frame: stored.put_nowait(frame) if isinstance(frame.content, Checkpoint) else None
        await client.request(Frame(content=OpenWorkspace(), workspace=W, epoch=1))
        channel = client.channel(W)
        await channel.attach(actor=Actor("ada", role="owner"))
        await client.request(Frame(content=FollowJournal(), workspace=W))
        await channel.command(commands.OpenDocument("a.ipynb", create=True))
        closing = asyncio.create_task(client.request(Frame(content=CloseWorkspace(), workspace=W, epoch=1)))
        frame = await stored.get()
        with pytest.raises(Unavailable, match="being closed"):
            await channel.command(commands.OpenSession(), session="late")
        client.send(frame.reply(Checkpointed()))
        await closing
