"""Files of an open workspace, through bulk connections to its worker.

Invariant: one transfer has one connection, so it delays nothing else, and whoever breaks it off just closes it; in each
direction at most `FIRST_CREDIT` pieces of 64 KiB are under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sagews.client.refusals import error_of
from sagews.client.worker_link import Connect, WorkerLink, open_link
from sagews.errors import MessageError, WorkerUnavailable
from sagews.messages import Frame
from sagews.messages.connection import Refused
from sagews.messages.files import PIECE_BYTES, Credit, FilePiece
from sagews.messages.frame import Message
from sagews.messages.history import Acting
from sagews.messages.records import Actor

FIRST_CREDIT = 8
"""Pieces that may be sent before the receiver has said `credit` (docs/protocol.md)."""
PATIENCE_SECONDS = 60.0
"""How long the worker may take for one answer or piece."""


class Bulk:
    """One bulk connection, for one transfer in one workspace."""

    def __init__(self, workspace: str, epoch: int) -> None:
        self._workspace = workspace
        self._epoch = epoch
        self._link: WorkerLink | None = None
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._credit = FIRST_CREDIT

    @classmethod
    @asynccontextmanager
    async def open(cls, connect: Connect, token: str, workspace: str, epoch: int) -> AsyncIterator[Self]:
        """A connection for the time of the block.

        :raises WorkerUnavailable: the worker does not answer.
        """
        bulk = cls(workspace, epoch)
        bulk._link = await open_link(connect, "bulk", token, bulk._frames.put_nowait, bulk._lost)
        try:
            yield bulk
        finally:
            bulk._link.close()

    def act(self, actor: Actor) -> None:
        """What is asked from now on is done by this account."""
        self._send(Acting(actor))

    async def request(self, content: Message) -> Message:
        """Ask, and wait for the answer.

        :raises SagewsError: what the worker refused with.
        """
        self._send(content)
        return (await self._next()).content

    async def read(self, content: Message, run: str = "") -> AsyncIterator[bytes]:
        """Ask for a file, or (`output_read`) for a run's whole text, and hand out its pieces as they come."""
        self._send(content, run=run)
        while True:
            frame = await self._next()
            if not isinstance(frame.content, FilePiece):
                raise MessageError(f"The worker sent {frame.content.type!r} in the middle of a file.")
            if frame.payload:
                yield frame.payload
            if frame.content.last:
                return
            self._send(Credit(1))

    async def write(self, content: Message, pieces: AsyncIterator[bytes]) -> Message:
        """Send a file, or a part of one, and return the answer; it takes its place when all of it is there.

        :raises SagewsError: what the worker refused with, or what `pieces` raised: then nothing is changed.
        """
        self._send(content)
        offset, waiting = 0, b""
        async for piece in pieces:
            waiting += piece
            while len(waiting) > PIECE_BYTES:
                await self._send_piece(offset, waiting[:PIECE_BYTES])
                offset, waiting = offset + PIECE_BYTES, waiting[PIECE_BYTES:]
        await self._send_piece(offset, waiting, last=True)
        while True:
            answer = (await self._next()).content
            if not isinstance(answer, Credit):
                return answer

    # -- inside

    async def _send_piece(self, offset: int, piece: bytes, *, last: bool = False) -> None:
        while self._credit < 1:
            frame = await self._next()
            if isinstance(frame.content, Credit):
                self._credit += frame.content.pieces
        self._credit -= 1
        self._send(FilePiece(offset=offset, last=last), payload=piece)
        await self._open_link().room()

    def _send(self, content: Message, *, run: str = "", payload: bytes = b"") -> None:
        self._open_link().send(
            Frame(content=content, workspace=self._workspace, epoch=self._epoch, run=run, request=1, payload=payload)
        )

    async def _next(self) -> Frame:
        try:
            frame = await asyncio.wait_for(self._frames.get(), PATIENCE_SECONDS)
        except TimeoutError as error:
            raise WorkerUnavailable("The worker does not go on with the file.") from error
        if frame is None:
            raise WorkerUnavailable("The connection to the worker broke in the middle of a file.")
        if isinstance(frame.content, Refused):
            raise error_of(frame.content)
        return frame

    def _open_link(self) -> WorkerLink:
        if self._link is None:
            raise WorkerUnavailable
        return self._link

    def _lost(self) -> None:
        self._frames.put_nowait(None)
