"""A channel goes on by itself, whatever its peer says or does: here a scripted one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from sagews.client.worker import WorkerClient
from sagews.client.worker_channel import Channel
from sagews.errors import NotFound, SessionEnded, Unavailable, WorkerUnavailable
from sagews.messages.commands import Save
from sagews.messages.connection import Refused, Welcome
from sagews.messages.frame import Frame
from sagews.messages.workspace import Acknowledged, Attach, Attached, WorkspaceClosed
from tests.waiting import eventually

Answer = Callable[["ScriptedLink", Frame], None]


class ScriptedLink:
    """A connection whose other end answers by a script."""

    def __init__(self, on_frame: Callable[[Frame], None], on_lost: Callable[[], None], answer: Answer) -> None:
        self.welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self.welcome.set_result(Welcome(1, "test"))
        self.closed = False
        self.broken = False
        """It cannot carry anything any more, and nobody has noticed yet."""
        self.say = on_frame
        self._lost = on_lost
        self._answer = answer

    def send(self, frame: Frame) -> None:
        if self.closed or self.broken:
            raise WorkerUnavailable
        asyncio.get_running_loop().call_soon(self._answer, self, frame)

    def lose(self) -> None:
        if not self.closed:
            self.closed = True
            self._lost()

    async def room(self) -> None:
        pass

    def close(self) -> None:
        self.lose()

    async def gone(self) -> None:
        pass


class Peer:
    """What the scripted end does: one answer after another, to `attach`; commands are acknowledged."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.links: list[ScriptedLink] = []
        self.obeyed: list[tuple[int, int]] = []
        self.attached = 0

    async def open(self, on_frame: Callable[[Frame], None], on_lost: Callable[[], None]) -> ScriptedLink:
        link = ScriptedLink(on_frame, on_lost, self.hear)
        self.links.append(link)
        return link

    def hear(self, link: ScriptedLink, frame: Frame) -> None:
        if isinstance(frame.content, Attach):
            self.attached += 1
            (self.script.pop(0) if self.script else attach)(link, frame)
        elif isinstance(frame.content, Save):
            self.obeyed.append((len(self.links), frame.k))
            link.say(frame.reply(Acknowledged()))


def attach(link: ScriptedLink, frame: Frame) -> None:
    link.say(replace(frame.reply(Attached("snapshot")), epoch=7))


def lose(link: ScriptedLink, frame: Frame) -> None:
    link.lose()


def refuse(error: type[Exception]) -> Answer:
    def answer(link: ScriptedLink, frame: Frame) -> None:
        link.say(frame.reply(Refused.because(error(), "attach")))  # type: ignore[arg-type]

    return answer


async def follow(channel: Channel) -> None:
    async for _ in channel.events():
        pass


async def test_lost_again_while_it_attaches_it_connects_once_more() -> None:
    peer = Peer(attach, lose, lose)
    async with WorkerClient(peer.open) as worker:
        channel = worker.channel("w", "me")
        following = asyncio.create_task(follow(channel))
        await channel.attach()
        peer.links[0].lose()
        await asyncio.wait_for(channel.command(Save("d")), 10)
        assert peer.obeyed[-1] == (4, 1)
    with pytest.raises(WorkerUnavailable):
        await following


async def test_what_a_broken_connection_does_not_carry_is_said_on_the_next_one() -> None:
    peer = Peer()
    async with WorkerClient(peer.open) as worker:
        channel = worker.channel("w", "me")
        following = asyncio.create_task(follow(channel))
        await channel.attach()
        peer.links[0].broken = True
        saving = asyncio.create_task(channel.command(Save("d")))
        await asyncio.sleep(0)
        assert not saving.done()
        peer.links[0].lose()
        await asyncio.wait_for(saving, 10)
        assert peer.obeyed == [(2, 1)]
    with pytest.raises(WorkerUnavailable):
        await following


async def test_refused_for_a_while_it_attaches_later_on_the_same_connection() -> None:
    peer = Peer(attach, refuse(Unavailable), refuse(WorkerUnavailable))
    async with WorkerClient(peer.open) as worker:
        channel = worker.channel("w", "me")
        following = asyncio.create_task(follow(channel))
        await channel.attach()
        peer.links[0].lose()
        await asyncio.wait_for(channel.command(Save("d")), 10)
        assert (len(peer.links), peer.obeyed) == (2, [(2, 1)])
    with pytest.raises(WorkerUnavailable):
        await following


async def test_a_closed_workspace_is_attached_to_again_and_what_is_unanswered_is_sent_again() -> None:
    peer = Peer()
    async with WorkerClient(peer.open) as worker:
        channel = worker.channel("w", "me")
        following = asyncio.create_task(follow(channel))
        await channel.attach()
        peer.links[0].say(Frame(content=WorkspaceClosed("moved"), workspace="w", epoch=7, channel=channel.number))
        await asyncio.wait_for(channel.command(Save("d")), 10)
        assert peer.attached == 2
        assert peer.obeyed == [(1, 1)]
    with pytest.raises(WorkerUnavailable):
        await following


async def test_refused_for_good_it_ends_with_the_reason() -> None:
    peer = Peer(attach, refuse(NotFound))
    async with WorkerClient(peer.open) as worker:
        channel = worker.channel("w", "me")
        following = asyncio.create_task(follow(channel))
        await channel.attach()
        peer.links[0].say(Frame(content=WorkspaceClosed("deleted"), workspace="w", epoch=7, channel=channel.number))
        with pytest.raises(NotFound):
            await asyncio.wait_for(following, 10)
        with pytest.raises(NotFound):
            await channel.command(Save("d"))


async def test_a_session_whose_workspace_is_gone_says_so_and_leaves_nothing() -> None:
    peer = Peer()
    async with WorkerClient(peer.open) as worker:
        opening = asyncio.create_task(worker.open_session("python", workspace="w"))
        await eventually(lambda: peer.attached)
        [number] = worker._channels
        peer.links[0].say(Frame(content=WorkspaceClosed("deleted"), workspace="w", epoch=7, channel=number))
        with pytest.raises(SessionEnded, match="deleted"):
            await asyncio.wait_for(opening, 10)
        assert (worker.sessions, worker._channels) == ([], {})
        assert peer.attached == 1


async def test_a_session_that_cannot_be_opened_in_time_leaves_nothing() -> None:
    peer = Peer()
    async with WorkerClient(peer.open) as worker:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await worker.open_session("python", workspace="w")
        assert (worker.sessions, worker._channels) == ([], {})
