"""Workspaces: those that are open on this worker, by name; at most one opening (epoch) of each."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from sagews.errors import Fenced, MessageError, NotFound, OverLimit, Unavailable
from sagews.messages.workspace import OpenWorkspace
from sagews.worker.capacity import Capacity
from sagews.worker.commands import Commands
from sagews.worker.environments import Environments
from sagews.worker.open_workspace import OpenedWorkspace
from sagews.worker.session_process import Code
from sagews.worker.settings import WorkerSettings
from sagews.worker.workspace_folder import WorkspaceFolder

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
        self._closing: set[asyncio.Task[None]] = set()
        self._open: dict[str, tuple[OpenedWorkspace, Commands]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._stopping = False

    def find(self, name: str) -> tuple[OpenedWorkspace, Commands]:
        """Raises NotFound where it is not open here."""
        try:
            return self._open[name]
        except KeyError:
            raise NotFound("This workspace is not open on this worker.", mend="Attach to it again.") from None

    async def open(self, name: str, epoch: int, content: OpenWorkspace) -> None:
        """Open it at this epoch, dropping an older opening.

        :raises Fenced: where it is open at a higher epoch; OverLimit: too many are open.
        """
        if not NAME.match(name) or epoch < 1:
            raise MessageError("message: open_workspace needs a workspace (letters, digits, -, _) and an epoch.")
        async with self._turns.setdefault(name, asyncio.Lock()):
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
            else:
                folder = WorkspaceFolder.temporary(self._settings)
            workspace = OpenedWorkspace(
                name, epoch, content, folder, self._environments, self._capacity, self._settings
            )
            workspace.on_unused = lambda: self._close_unused(name, epoch)
            self._open[name] = (workspace, Commands(workspace))

    async def close(self, name: str, epoch: int, reason: str, code: Code) -> None:
        """Close it, if it is open at this epoch or an older one (0 = whichever).

        :raises Fenced: where it is open at a higher epoch.
        """
        async with self._turns.setdefault(name, asyncio.Lock()):
            known = self._open.get(name)
            if known is None:
                return
            if epoch and known[0].epoch > epoch:
                raise Fenced(f"The workspace is open at epoch {known[0].epoch} already.")
            await self._close(name, reason, code)
        if name not in self._open and not self._turns[name].locked():
            del self._turns[name]

    def renew(self, epochs: dict[str, int]) -> None:
        """The database still has these openings."""
        for name, epoch in epochs.items():
            known = self._open.get(name)
            if known is not None and known[0].epoch == epoch:
                known[0].renew_lease()

    async def close_all(self, reason: str) -> None:
        """Close all; nothing opens any more."""
        self._stopping = True
        await asyncio.gather(*(self.close(name, 0, reason, "worker") for name in tuple(self._open)))

    def _close_unused(self, name: str, epoch: int) -> None:
        task = asyncio.get_running_loop().create_task(self.close(name, epoch, "nobody used it for a while", "idle"))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, name: str, reason: str, code: Code) -> None:
        workspace, _ = self._open[name]
        await workspace.close(reason, code)
        del self._open[name]

    def _check_room(self) -> None:
        if self._stopping:
            raise Unavailable("This worker is stopping.")
        if len(self._open) >= self._settings.workspaces:
            raise OverLimit(f"{len(self._open)} workspaces are open on this worker; it takes no more.")
