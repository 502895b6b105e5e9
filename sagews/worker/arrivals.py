"""Arrivals: bundles that come for workspaces which are about to be opened here.

Invariant: of a workspace only those of the newest epoch are kept, and none after its opening.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sagews.errors import MessageError, SagewsError, TooLarge, Unavailable
from sagews.messages.connection import Done
from sagews.messages.frame import Frame, Message
from sagews.messages.history import BundlesOffered, BundlesWanted, BundleWrite
from sagews.messages.records import Limits
from sagews.worker.connection import Connection
from sagews.worker.kept_folders import touch
from sagews.worker.settings import WorkerSettings
from sagews.worker.transfer import Transfer
from sagews.worker.versions import PACK_FACTOR, Versions
from sagews.worker.workspace_folder import WorkspaceFolder

ARRIVALS = (BundlesOffered, BundleWrite)
FOLDER = "arrivals"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEAD = re.compile(r"[0-9a-f]{40}")


class Arrivals:
    """Of one worker."""

    def __init__(self, data: Path, settings: WorkerSettings) -> None:
        """:param data: the worker's own folder."""
        self._data = data
        self._settings = settings
        self._under_way: dict[tuple[Connection, int], Transfer] = {}
        self._do: dict[type[Message], Callable[[Transfer, Frame, Any], Awaitable[Message]]] = {
            BundlesOffered: self._offered,
            BundleWrite: self._take,
        }

    def place(self, workspace: str, epoch: int, head: str) -> Path:
        """Where a bundle is, or will be.

        :raises MessageError: these are no workspace, epoch and head.
        """
        if not _NAME.fullmatch(workspace) or not _HEAD.fullmatch(head) or epoch < 1:
            raise MessageError("message: a bundle needs a workspace, its epoch and the head of the bundle.")
        return self._data / FOLDER / workspace / str(epoch) / head

    def drop(self, workspace: str) -> None:
        """They are not needed any more."""
        shutil.rmtree(self._data / FOLDER / workspace, ignore_errors=True)

    @staticmethod
    def wipe(data: Path) -> None:
        """Throw away what a worker that was killed has left. Only for who has the folder's lock."""
        shutil.rmtree(data / FOLDER, ignore_errors=True)

    def begin(self, connection: Connection, frame: Frame) -> None:
        """Obey a request. Raises MessageError where the number is missing or in use, or it is for no workspace."""
        key = (connection, frame.request)
        if not frame.request or key in self._under_way:
            raise MessageError("message.request: a number of its own is needed.")
        self.place(frame.workspace, frame.epoch, "0" * 40)
        transfer = Transfer(connection, frame)
        self._under_way[key] = transfer
        connection.on_close[transfer] = transfer.connection_lost
        transfer.task = asyncio.get_running_loop().create_task(self._answer(connection, transfer))
        transfer.task.add_done_callback(lambda _: self._over(key))

    def heard(self, connection: Connection, frame: Frame) -> None:
        """A piece of a bundle; what belongs to none is dropped."""
        transfer = self._under_way.get((connection, frame.request))
        if transfer is not None:
            transfer.heard(frame)

    def _over(self, key: tuple[Connection, int]) -> None:
        transfer = self._under_way.pop(key)
        key[0].on_close.pop(transfer, None)

    async def _answer(self, connection: Connection, transfer: Transfer) -> None:
        frame = transfer.frame
        try:
            connection.send(frame.reply(await self._do[type(frame.content)](transfer, frame, frame.content)))
        except SagewsError as error:
            connection.refuse(frame, error)

    # --- one each

    async def _offered(self, transfer: Transfer, frame: Frame, content: BundlesOffered) -> Message:
        folder = WorkspaceFolder.kept(self._data, frame.workspace, self._settings)
        touch(folder.top)  # what is here is about to be counted on
        versions = Versions(folder.top, folder.files, self._settings.kept_limits(Limits()))
        return BundlesWanted(await asyncio.to_thread(versions.wanted, content.bundles))

    async def _take(self, transfer: Transfer, frame: Frame, content: BundleWrite) -> Message:
        bundle = content.bundle
        largest = PACK_FACTOR * self._settings.version_bytes
        if bundle.size > largest:
            raise TooLarge(f"The bundle has {bundle.size} bytes; {largest} are taken here.")
        path = self.place(frame.workspace, frame.epoch, bundle.head)
        self._drop_older(path.parent)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("wb") as file:
                await transfer.take_pieces(bundle.size, file.write)
        except OSError as error:
            raise Unavailable(f"The worker's disk cannot take the bundle: {error.strerror}.") from error
        return Done()

    def _drop_older(self, folder: Path) -> None:
        if folder.parent.is_dir():
            for other in folder.parent.iterdir():
                if int(other.name) < int(folder.name):
                    shutil.rmtree(other, ignore_errors=True)
