"""A peer that says and hears exactly what a test wants, without WorkerClient's care."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Self

from sagews.messages import Decoder, Frame, encode
from sagews.messages.connection import Hello, Ping
from sagews.messages.frame import Message


class Peer:
    """One raw connection to a worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.pings = 0
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    @classmethod
    async def unix(cls, path: Path, role: str = "script") -> Self:
        peer = cls(*await asyncio.open_unix_connection(str(path)))
        await peer.greet(role)
        return peer

    @classmethod
    async def tls(cls, port: int, context: ssl.SSLContext) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

    async def greet(self, role: str = "script", token: str = "") -> Frame:
        self.say(Hello(1, 1, "test", role, token))  # type: ignore[arg-type]
        return await self.hear()

    def say(self, content: Message, **envelope: object) -> None:
        self.writer.write(encode(Frame(content=content, **envelope)))  # type: ignore[arg-type]

    async def hear(self) -> Frame:
        """The next frame that is no ping. Raises EOFError at the end."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if not isinstance(frame.content, Ping):
                    return frame
                self.pings += 1
            data = await self.reader.read(1 << 16)
            if not data:
                raise EOFError
            self._frames += self._decoder.feed(data)

    async def hear_kind(self, kind: type[Message]) -> Frame:
        while True:
            frame = await self.hear()
            if isinstance(frame.content, kind):
                return frame

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()
