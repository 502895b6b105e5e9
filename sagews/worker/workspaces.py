"""Workspaces: those that are open on this worker, by name; at most one opening (epoch) of each.

While the worker is drained, none opens, and each is closed as soon as nothing runs in it: its people attach again, and
a backend opens it on another worker.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path

from sagews.errors import Fenced, MessageError, NotFound, OverLimit, Unavailable
from sagews.messages.records import OpenRecord
from sagews.messages.room import Openings, Room
from sagews.messages.workspace import OpenWorkspace
from sagews.worker.arrivals import Arrivals
from sagews.worker.capacity import Capacity
from sagews.worker.commands import Commands
from sagews.worker.environments import Environments
from sagews.worker.folder_watch import FolderWatch
from sagews.worker.kept_folders import KeptFolders, begin_use
from sagews.worker.open_workspace import OpenedWorkspace
from sagews.worker.session_process import Code
from sagews.worker.settings import WorkerSettings
from sagews.worker.tally import Tally
from sagews.worker.turns import Turns
from sagews.worker.versions import Versions
from sagews.worker.workspace_folder import WorkspaceFolder

log = logging.getLogger(__name__)

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
"""Of a workspace: it is a folder's name too."""


class Workspaces:
    """All open workspaces."""

    def __init__(self, data: Path, environments: Environments, settings: WorkerSettings) -> None:
        """:param data: the worker's own folder."""
        self._data = data
        self._environments = environments
        self._settings = settings
        self._capacity = Capacity(settings.sessions, settings.sessions_waiting)
        self._watch = FolderWatch()
        self.tally = Tally(settings.starts_per_minute)
        self._closing: set[asyncio.Task[None]] = set()
        self._deleting: set[asyncio.Task[None]] = set()
        self._open: dict[str, tuple[OpenedWorkspace, Commands]] = {}
        self._turns = Turns()
        self.arrivals = Arrivals(data, settings)
        self.folders = KeptFolders(data, settings)
        self._stopping = False
        self._draining = False
        self.on_change: Callable[[], None] = lambda: None
        """Called when `room` may have changed."""
        self._capacity.on_change = self._changed

    def room(self) -> Room:
        """How much of it there is now."""
        capacity = self._capacity
        return Room(
            capacity.places,
            capacity.taken,
            capacity.waiting,
            len(self._open),
            self._draining,
            self.tally.sessions(),
        )

    def openings(self) -> Openings:
        """What is open now."""
        return Openings({name: workspace.epoch for name, (workspace, _) in self._open.items()})

    def drain(self) -> None:
        """Open nothing more; close each workspace when nothing runs in it. Repeatable."""
        self._draining = True
        for workspace, _ in tuple(self._open.values()):
            self._close_drained(workspace)
        self.on_change()

    def undrain(self) -> None:
        """Open workspaces again; repeatable."""
        self._draining = False
        self.on_change()

    def records(self, account: str = "") -> tuple[OpenRecord, ...]:
        """What is open, and owned by this account ("" = by any)."""
        return tuple(workspace.record() for workspace, _ in self._open.values() if account in ("", workspace.account))

    def _changed(self) -> None:
        self.on_change()

    def find(self, name: str) -> tuple[OpenedWorkspace, Commands]:
        """Raises NotFound where it is not open here."""
        try:
            return self._open[name]
        except KeyError:
            raise NotFound("This workspace is not open on this worker.", mend="Attach to it again.") from None

    async def open(self, name: str, epoch: int, content: OpenWorkspace) -> None:
        """Open it at this epoch, dropping an older opening.

        :raises Fenced: where it is open at a higher epoch; OverLimit: too many are open; Unavailable: the worker is
            stopping; MessageError: the name, the epoch or what the database has of its documents is none; Damaged: its
            bundles are.
        """
        _check_name(name)
        if epoch < 1:
            raise MessageError("message: open_workspace needs an epoch.")
        async with self._turns.of(name):
            known = self._open.get(name)
            if known is not None:
                if known[0].epoch > epoch:
                    raise Fenced(f"The workspace is open at epoch {known[0].epoch} already.")
                if known[0].epoch == epoch:
                    return
                await self._close(name, "the workspace was opened again", "worker")
            self._check_room()
            if content.kept:
                folder = WorkspaceFolder.kept(self._data, name, self._settings)
                self._begin_use(folder)
            else:
                folder = WorkspaceFolder.temporary(self._data, self._settings)
            try:
                versions = await self._versions(name, epoch, content, folder) if content.kept else None
                self._check_room()  # it may be drained by now
                workspace = OpenedWorkspace(
                    *(name, epoch, content, folder, self._environments, self._capacity, self.tally, self._watch),
                    *(self._settings, versions),
                )
            except BaseException:
                folder.release()
                raise
            workspace.on_unused = lambda: self._begin_closing(name, epoch, "nobody used it for a while", "idle")
            workspace.on_idle = lambda: self._close_drained(workspace)
            self._open[name] = (workspace, Commands(workspace))
            self.on_change()

    def _begin_use(self, folder: WorkspaceFolder) -> None:
        try:
            begin_use(folder.top)
        except OSError as error:
            folder.release()
            raise Unavailable(f"The worker's disk cannot be written: {error.strerror}.") from error

    async def _versions(self, name: str, epoch: int, content: OpenWorkspace, folder: WorkspaceFolder) -> Versions:
        """The versions of a workspace, and its files as they say."""
        versions = Versions(folder.top, folder.files, self._settings.kept_limits(content.limits))
        try:
            await versions.restore(content.bundles, lambda head: self.arrivals.place(name, epoch, head))
        finally:
            self.arrivals.drop(name)
        return versions

    async def close(self, name: str, epoch: int, reason: str, code: Code) -> None:
        """Close it, if it is open at this epoch or an older one (0 = whichever).

        :raises Fenced: where it is open at a higher epoch.
        """
        async with self._turns.of(name):
            known = self._open.get(name)
            if known is None:
                return
            if epoch and known[0].epoch > epoch:
                raise Fenced(f"The workspace is open at epoch {known[0].epoch} already.")
            await self._close(name, reason, code)

    async def remove_folder(self, name: str) -> None:
        """The database has all that is in its folder: remove that, unless the workspace is or was used again.

        :raises Unavailable: the disk cannot; MessageError: the name is none.
        """
        _check_name(name)
        async with self._turns.of(name):
            if name in self._open or not self.folders.is_old(name):
                return
            self._take_folder_away(name, "it is stored")

    async def forget(self, name: str) -> None:
        """It is deleted for good: close it, and remove its folder. Repeatable.

        :raises Unavailable: the disk cannot; MessageError: the name is none.
        """
        _check_name(name)
        async with self._turns.of(name):
            if name in self._open:
                await self._close(name, "the workspace was deleted", "operator")
            self.arrivals.drop(name)
            self._take_folder_away(name, "it is deleted")

    def _take_folder_away(self, name: str, why: str) -> None:
        """Out of the way; it is deleted from the disk while others work."""
        try:
            was_there = self.folders.take_away(name)
        except OSError as error:
            raise Unavailable(f"The worker's disk cannot remove the folder: {error.strerror}.") from error
        if was_there:
            log.info("Folder removed", extra={"action": "folder_removed", "workspace": name, "why": why})
            task = asyncio.create_task(self.folders.delete())
            self._deleting.add(task)
            task.add_done_callback(self._deleting.discard)

    def renew(self, epochs: dict[str, int]) -> None:
        """The database still has these openings."""
        for name, epoch in epochs.items():
            known = self._open.get(name)
            if known is not None and known[0].epoch == epoch:
                known[0].lease.renew()

    async def close_all(self, reason: str) -> None:
        """Close all; nothing opens any more."""
        self._stopping = True
        await asyncio.gather(*(self.close(name, 0, reason, "worker") for name in tuple(self._open)))
        for task in self._deleting:
            task.cancel()  # the next start goes on with it
        await asyncio.gather(*self._deleting, return_exceptions=True)
        self._watch.close()

    def _close_drained(self, workspace: OpenedWorkspace) -> None:
        if not workspace.kept and (workspace.sessions or len(workspace.people)):
            return  # what is in it is nowhere else: it ends when nobody uses it any more
        if self._draining and not workspace.closed and not workspace.is_busy:
            reason = "its worker is taken out of use; it goes on on another one"
            self._begin_closing(workspace.name, workspace.epoch, reason, "operator")

    def _begin_closing(self, name: str, epoch: int, reason: str, code: Code) -> None:
        task = asyncio.get_running_loop().create_task(self.close(name, epoch, reason, code))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, name: str, reason: str, code: Code) -> None:
        workspace, _ = self._open[name]
        await workspace.close(reason, code)
        del self._open[name]
        self.on_change()

    def _check_room(self) -> None:
        if self._stopping:
            raise Unavailable("This worker is stopping.")
        if self._draining:
            raise Unavailable("This worker is taken out of use and opens nothing.")
        if len(self._open) >= self._settings.workspaces:
            raise OverLimit(f"{len(self._open)} workspaces are open on this worker; it takes no more.")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise MessageError("message: a workspace is needed (letters, digits, -, _).")
