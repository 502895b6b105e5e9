"""What a `WorkerClient` takes for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sagews.client.worker import WorkerClient
from sagews.messages import Frame
from sagews.messages.connection import PROTOCOL, Done, Welcome
from sagews.messages.workspace import Checkpoint, CloseWorkspace


class Line:
    """A connection whose other end is the test."""

    closed = False

    def __init__(self, hear: Callable[[Frame], None]) -> None:
        self.hear = hear
        self.sent: list[Frame] = []
        self.welcome = asyncio.get_running_loop().create_future()
        self.welcome.set_result(Welcome(PROTOCOL, "worker", ()))

    def send(self, frame: Frame) -> None:
        self.sent.append(frame)

    async def room(self) -> None:
        """There is always room."""

    def close(self) -> None:
        self.closed = True

    async def gone(self) -> None:
        """Nothing is left of it."""


async def test_a_checkpoint_is_no_answer_whatever_its_number() -> None:
    lines: list[Line] = []

    async def open_line(hear: Callable[[Frame], None], lost: Callable[[], None]) -> Line:
        lines.append(Line(hear))
        return lines[0]

    client = WorkerClient(open_line)
    heard: list[Frame] = []
    client.on_frame = heard.append
    await client.connect()
    closing = asyncio.create_task(client.request(Frame(content=CloseWorkspace(), workspace="w", epoch=1)))
    await asyncio.sleep(0)
    [asked] = lines[0].sent
    checkpoint = Frame(content=Checkpoint(()), workspace="w", epoch=1, request=asked.request)
    lines[0].hear(checkpoint)
    await asyncio.sleep(0)
    assert heard == [checkpoint]
    assert not closing.done()
    lines[0].hear(asked.reply(Done()))
    assert (await closing).content == Done()
    await client.close()
