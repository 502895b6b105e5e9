"""Transfers: files in and out of open workspaces, in pieces, on bulk connections.

Invariant: a piece is sent or taken only against credit, so that neither side holds more than a few
of them; a file that did not come whole leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from sagews.errors import MessageError, OverLimit, SagewsError
from sagews.messages import files as messages
from sagews.messages import history
from sagews.messages.connection import Done
from sagews.messages.frame import Frame, Message
from sagews.messages.records import Actor
from sagews.worker import upload_requests as uploads
from sagews.worker import version_requests as versions
from sagews.worker.connection import Connection
from sagews.worker.file_names import check_new
from sagews.worker.listing import listed
from sagews.worker.open_workspace import OpenedWorkspace
from sagews.worker.packing import packed
from sagews.worker.settings import WorkerSettings

FIRST_CREDIT = 8
"""Pieces that may be sent before the receiver has said `credit` (docs/protocol.md, "Files")."""

CHANGING = (
    messages.FileWrite,
    messages.FileDelete,
    messages.FileRename,
    messages.FolderMake,
    messages.UploadWrite,
    messages.FileImport,
)
KINDS = (
    messages.FileList,
    messages.FileRead,
    messages.OutputRead,
    messages.FileWrite,
    messages.FileDelete,
    messages.FileRename,
    messages.FolderMake,
    messages.UploadBegin,
    messages.UploadWrite,
    messages.UploadAsk,
    messages.UploadCancel,
    messages.FolderPack,
    messages.FileImport,
    history.BundleRead,
    history.HistoryList,
    history.VersionFiles,
    history.VersionRead,
    history.VersionChanges,
    history.GoBack,
)
PARTS = (messages.FilePiece, messages.Credit)


class Transfer:
    """One request about files, from its message to its answer; its number is the request's."""

    def __init__(self, connection: Connection, frame: Frame) -> None:
        """Nothing moves before the request is obeyed."""
        self.frame = frame
        self.task: asyncio.Task[None] | None = None
        self.connection = connection
        self._credit = asyncio.Semaphore(FIRST_CREDIT)
        self._pieces: asyncio.Queue[Frame] = asyncio.Queue(FIRST_CREDIT + 1)

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
                if self.connection.closed:
                    return
                data = os.read(descriptor, messages.PIECE_BYTES)
                last = len(data) < messages.PIECE_BYTES and offset + len(data) >= os.fstat(descriptor).st_size
                piece = self.frame.reply(messages.FilePiece(offset, last or not data))
                self.connection.send(replace(piece, payload=data))
                offset += len(data)
                if last or not data:
                    return
        finally:
            os.close(descriptor)

    async def take_file(self, workspace: OpenedWorkspace, content: messages.FileWrite) -> None:
        """Take a file that the peer sends, and put it in its place."""
        with workspace.files.new(content.path, keep=content.keep) as file:
            await self.take_pieces(content.size, file.write)
            await asyncio.to_thread(file.finish)

    async def take_pieces(self, size: int, write: Callable[[bytes], object]) -> None:
        """Take so many bytes that the peer sends. Raises MessageError where it sends others."""
        taken = 0
        while True:
            piece = await self._pieces.get()
            assert isinstance(piece.content, messages.FilePiece)
            if piece.content.offset != taken or taken + len(piece.payload) > size:
                raise MessageError(f"content.offset: {taken} comes next, of {size} bytes.")
            write(piece.payload)
            taken += len(piece.payload)
            if piece.content.last:
                break
            self.connection.send(self.frame.reply(messages.Credit(1)))
        if taken != size:
            raise MessageError(f"content.size: {size} bytes were announced, {taken} came.")

    async def send_pieces(self, pieces: Iterator[bytes]) -> None:
        """Send what is made bit by bit, each bit in a thread."""
        offset, waiting, ended = 0, b"", False
        while not ended:
            while len(waiting) < messages.PIECE_BYTES and not ended:
                made = await asyncio.to_thread(next, pieces, None)
                ended = made is None
                waiting += made or b""
            while len(waiting) >= messages.PIECE_BYTES or ended:
                await self._credit.acquire()
                if self.connection.closed:
                    return
                data, waiting = waiting[: messages.PIECE_BYTES], waiting[messages.PIECE_BYTES :]
                piece = self.frame.reply(messages.FilePiece(offset, ended and not waiting))
                self.connection.send(replace(piece, payload=data))
                offset += len(data)
                if ended and not waiting:
                    break

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
            messages.UploadBegin: self._begin_upload,
            messages.UploadWrite: self._write_upload,
            messages.UploadAsk: self._ask_upload,
            messages.UploadCancel: self._cancel_upload,
            messages.FolderPack: self._pack,
            messages.FileImport: self._import,
            history.BundleRead: self._read_bundle,
            history.HistoryList: self._list_versions,
            history.VersionFiles: self._version_files,
            history.VersionRead: self._version_read,
            history.VersionChanges: self._version_changes,
            history.GoBack: self._go_back,
        }
        self._actors: WeakKeyDictionary[Connection, Actor] = WeakKeyDictionary()

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

    def act(self, connection: Connection, actor: Actor) -> None:
        """What comes on this connection from now on is done by this account."""
        self._actors[connection] = actor

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
            if isinstance(content, CHANGING):
                workspace.changed_by(self._actors.get(connection))
            if answer is not None:
                connection.send(transfer.frame.reply(answer))
        except SagewsError as error:
            connection.refuse(transfer.frame, error)

    # --- one each

    async def _list(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileList) -> Message:
        workspace.watched.watch(content.path)
        return await asyncio.to_thread(listed, workspace.files, content, self._settings.listed_files)

    async def _read(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileRead) -> None:
        if workspace.documents.has(content.path):
            await workspace.checkpoints.write_now()
        await transfer.send_file(workspace.files.open_to_read(content.path))

    async def _read_output(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.OutputRead) -> None:
        path = workspace.folder.output(transfer.frame.run)
        await transfer.send_file(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    async def _write(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileWrite) -> Message:
        uploads.check(workspace, content)
        async with workspace.disk.room_for(content.path, content.size):
            await transfer.take_file(workspace, content)
        return Done()

    async def _delete(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileDelete) -> Message:
        if workspace.files.exists(content.path) or not workspace.documents.has(content.path):
            await asyncio.to_thread(workspace.files.delete, content.path)
            await workspace.disk.freed()
        workspace.moved(content.path, "")
        return Done()

    async def _rename(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileRename) -> Message:
        check_new(content.to)
        workspace.documents.check_move(content.path, content.to)
        await workspace.checkpoints.write_now()  # a document that is not written yet has no file to rename
        workspace.files.rename(content.path, content.to)
        workspace.moved(content.path, content.to)
        return Done()

    async def _make_folder(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FolderMake
    ) -> Message:
        check_new(content.path)
        workspace.files.make_folder(content.path)
        return Done()

    # --- uploads in parts, zip files, imports

    async def _begin_upload(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.UploadBegin
    ) -> Message:
        return await uploads.begin(workspace, content)

    async def _write_upload(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.UploadWrite
    ) -> Message:
        return await uploads.write(workspace, content, transfer.take_pieces)

    async def _ask_upload(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.UploadAsk) -> Message:
        return workspace.uploads.state(content.upload)

    async def _cancel_upload(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.UploadCancel
    ) -> Message:
        workspace.uploads.cancel(content.upload)
        return Done()

    async def _pack(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FolderPack) -> None:
        await workspace.checkpoints.write_now()
        await transfer.send_pieces(packed(workspace.files, content.path))

    async def _import(self, transfer: Transfer, workspace: OpenedWorkspace, content: messages.FileImport) -> Message:
        return await uploads.take_in(workspace, content, self._settings)

    # --- versions

    async def _read_bundle(self, transfer: Transfer, workspace: OpenedWorkspace, content: history.BundleRead) -> None:
        await transfer.send_file(await versions.open_bundle(workspace, content.head))

    async def _list_versions(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: history.HistoryList
    ) -> Message:
        return await versions.listed(workspace, content)

    async def _version_files(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: history.VersionFiles
    ) -> Message:
        return await versions.files_of(workspace, content.version)

    async def _version_read(self, transfer: Transfer, workspace: OpenedWorkspace, content: history.VersionRead) -> None:
        await transfer.send_file(await versions.open_file(workspace, content.version, content.path))

    async def _version_changes(
        self, transfer: Transfer, workspace: OpenedWorkspace, content: history.VersionChanges
    ) -> Message:
        return await versions.changes(workspace, content)

    async def _go_back(self, transfer: Transfer, workspace: OpenedWorkspace, content: history.GoBack) -> Message:
        return await versions.go_back(workspace, content.version, self._actors.get(transfer.connection))
