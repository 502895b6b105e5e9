"""Transfers: files in and out of open workspaces, in pieces, on bulk connections.

Invariant: a piece is sent or taken only against credit, so that neither side holds more than a few
of them; a file that did not come whole leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sagews.errors import MessageError, OverLimit, SagewsError, TooLarge, WorkerUnavailable
from sagews.messages import files as messages
from sagews.messages.connection import Done
from sagews.messages.frame import Frame, Message
from sagews.worker.connection import Connection
from sagews.worker.open_workspace import OpenedWorkspace
from sagews.worker.settings import WorkerSettings

FIRST_CREDIT = 8
"""Pieces that may be sent before the receiver has said `credit` (docs/protocol.md, "Files")."""

KINDS = (
    messages.FileList,
    messages.FileRead,
    messages.OutputRead,
    messages.FileWrite,
    messages.FileDelete,
    messages.FileRename,
    messages.FolderMake,
)
PARTS = (messages.FilePiece, messages.Credit)


class Transfer:
    """One request about files, from its message to its answer; its number is the request's."""

    def __init__(self, connection: Connection, frame: Frame) -> None:
        """Nothing moves before the request is obeyed."""
        self.frame = frame
        self.task: asyncio.Task[None] | None = None
        self._connection = connection
        self._credit = asyncio.Semaphore(FIRST_CREDIT)
        self._pieces: asyncio.Queue[Frame | None] = asyncio.Queue(FIRST_CREDIT + 1)

    def heard(self, frame: Frame) -> None:
        """A piece, or more credit. Raises MessageError where the peer sends more than it may."""
        content = frame.content
        if isinstance(content, messages.Credit):
            for _ in range(min(content.pieces, 1024)):
                self._credit.release()
        elif self._pieces.qsize() >= FIRST_CREDIT or len(frame.payload) > messages.PIECE_BYTES:
            raise MessageError("More or larger pieces came than there was credit for.")
        else:
            self._pieces.put_nowait(frame)

    async def send_file(self, descriptor: int) -> None:
        """Send what is in an open file, and close it."""
        offset = 0
        try:
            while True:
                await self._credit.acquire()
                if self._connection.closed:
                    return
                data = os.read(descriptor, messages.PIECE_BYTES)
                last = len(data) < messages.PIECE_BYTES and offset + len(data) >= os.fstat(descriptor).st_size
                piece = self.frame.reply(messages.FilePiece(offset, last or not data))
                self._connection.send(replace(piece, payload=data))
                offset += len(data)
                if last or not data:
                    return
        finally:
            os.close(descriptor)

    async def take_file(self, workspace: OpenedWorkspace, content: messages.FileWrite) -> None:
        """Take a file that the peer sends, and put it in its place."""
        taken = 0
        with workspace.files.new(content.path) as file:
            while True:
                piece = await self._pieces.get()
                if piece is None:
                    raise WorkerUnavailable("The connection ended before the file was whole.")
                assert isinstance(piece.content, messages.FilePiece)
                if piece.content.offset != taken or taken + len(piece.payload) > content.size:
                    raise MessageError(f"content.offset: {taken} comes next, of {content.size} bytes.")
                file.write(piece.payload)
                taken += len(piece.payload)
                if piece.content.last:
                    break
                self._connection.send(self.frame.reply(messages.Credit(1)))
            if taken != content.size:
                raise MessageError(f"content.size: {content.size} bytes were announced, {taken} came.")
            await asyncio.to_thread(file.finish)

    def connection_lost(self) -> None:
        """Nobody is there any more."""
        if self.task is not None:
            self.task.cancel()


class Transfers:
    """All that are under way on this worker."""

    def __init__(self, settings: WorkerSettings) -> None:
        """None, at first."""
        self._settings = settings
        self._under_way: dict[tuple[Connection, int], Transfer] = {}
        self._do: dict[type[Message], Callable[[Transfer, OpenedWorkspace, Any], Awaitable[Message | None]]] = {
            messages.FileList: self._list,
            messages.FileRead: self._read,
            messages.OutputRead: self._read_output,
            messages.FileWrite: self._write,
            messages.FileDelete: self._delete,
            messages.FileRename: self._rename,
            messages.FolderMake: self._make_folder,
        }

    def begin(self, connection: Connection, frame: Frame, workspace: OpenedWorkspace) -> None:
        """Obey a request about files.

        :raises OverLimit: too many are under way; MessageError: the number is missing or in use.
        """
        key = (connection, frame.request)
        if not frame.request or key in self._under_way:
            raise MessageError("message.request: a number of its own is needed.")
        if sum(other is connection for other, _ in self._under_way) >= self._settings.transfers:
            raise OverLimit(f"{self._settings.transfers} transfers of this connection are under way.")
        transfer = Transfer(connection, frame)
        self._under_way[key] = transfer
        connection.on_close[transfer] = transfer.connection_lost
        transfer.task = asyncio.get_running_loop().create_task(self._answer(connection, transfer, workspace))
        transfer.task.add_done_callback(lambda _: self._over(key))

    def heard(self, connection: Connection, frame: Frame) -> None:
        """A piece or credit; what belongs to no transfer (it was refused) is dropped."""
        transfer = self._under_way.get((connection, frame.request))
        if transfer is not None:
            transfer.heard(frame)

    def _over(self, key: tuple[Connection, int]) -> None:
        transfer = self._under_way.pop(key)
        key[0].on_close.pop(transfer, None)

    async def _answer(self, connection: Connection, transfer: Transfer, workspace: OpenedWorkspace) -> None:
        content = transfer.frame.content
        try:
            answer = await self._do[type(content)](transfer, workspace, content)
            if answer is not None:
                connection.send(transfer.frame.reply(answer))
        except SagewsError as error:
            connection.refuse(transfer.frame, error)

    # --- one each

    async def _list(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileList) -> Message:
        return messages.FileEntries(workspace.files.entries(content.path, self._settings.listed_files))

    async def _read(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileRead) -> None:
        await transfer.send_file(workspace.files.open_to_read(content.path))

    async def _read_output(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.OutputRead) -> None:
        path = workspace.folder.output(transfer.frame.run)
        await transfer.send_file(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    async def _write(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileWrite) -> Message:
        maximum = workspace.limits.file_bytes
        if content.size > maximum:
            raise TooLarge(f"A file may have {maximum} bytes.")
        await transfer.take_file(workspace, content)
        return Done()

    async def _delete(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileDelete) -> Message:
        if workspace.files.exists(content.path) or not workspace.documents.has(content.path):
            await asyncio.to_thread(workspace.files.delete, content.path)
        workspace.moved(content.path, "")
        return Done()

    async def _rename(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileRename) -> Message:
        workspace.documents.check_move(content.path, content.to)
        await workspace.checkpoints.write_now()  # a document that is not written yet has no file to rename
        workspace.files.rename(content.path, content.to)
        workspace.moved(content.path, content.to)
        return Done()

    async def _make_folder(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FolderMake
    ) -> Message:
        workspace.files.make_folder(content.path)
        return Done()
