"""Requests: what greeted peers say, handed to who does it.

A backend (or a script on the worker's Unix socket) opens workspaces and attaches channels; what comes
on an attached channel is for the workspace's `Commands`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from sagews.errors import MessageError, NotAllowed, NotFound, OverLimit, SagewsError, Unavailable
from sagews.messages.connection import Done, Refused
from sagews.messages.folders import FoldersListed, ForgetWorkspace, ListFolders, RemoveFolder
from sagews.messages.frame import Frame, Message
from sagews.messages.history import Acting
from sagews.messages.oversight import EndSession, ListOpen, OpenListed
from sagews.messages.records import Actor
from sagews.messages.room import Drain, Elsewhere, Undrain
from sagews.messages.workspace import (
    Attach,
    Checkpointed,
    CloseWorkspace,
    Detach,
    FollowJournal,
    Journaled,
    OpenWorkspace,
    Presence,
    RenewLease,
)
from sagews.worker.arrivals import ARRIVALS
from sagews.worker.connection import Connection
from sagews.worker.settings import WorkerSettings
from sagews.worker.transfer import KINDS, PARTS, Transfers
from sagews.worker.workspaces import Workspaces

log = logging.getLogger(__name__)

PENDING = 64
"""Requests of one connection that may take their time at once."""


class Requests:
    """One for the whole server."""

    def __init__(self, workspaces: Workspaces, settings: WorkerSettings) -> None:
        """:param workspaces: that the requests are about."""
        self._workspaces = workspaces
        self._settings = settings
        self._transfers = Transfers(settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: dict[Connection, int] = {}
        self._at_once: dict[type[Message], Callable[[Connection, Frame, Any], None]] = {
            Attach: self._attach,
            Detach: self._detach,
            RenewLease: self._renew_lease,
            FollowJournal: self._follow_journal,
            Journaled: self._journaled,
            Checkpointed: self._checkpointed,
            Refused: self._checkpointed,
            Presence: self._presence,
            Drain: self._drain,
            Undrain: self._drain,
            Elsewhere: self._elsewhere,
            ListOpen: self._list_open,
            EndSession: self._end_session,
        }
        self._in_time: dict[type[Message], Callable[[Frame, Any], Awaitable[Message]]] = {
            OpenWorkspace: self._open_workspace,
            CloseWorkspace: self._close_workspace,
            ListFolders: self._list_folders,
            RemoveFolder: self._remove_folder,
            ForgetWorkspace: self._forget_workspace,
        }

    def heard(self, connection: Connection, frame: Frame) -> None:
        """Do what the frame says, or refuse it."""
        kind = type(frame.content)
        try:
            if kind in ARRIVALS and connection.role != "backend":
                self._workspaces.arrivals.begin(connection, frame)
                return
            if kind in KINDS and connection.role != "backend":
                workspace, _ = self._workspaces.find(frame.workspace)
                self._transfers.begin(connection, frame, workspace)
                return
            if isinstance(frame.content, Acting) and connection.role != "backend":
                self._transfers.act(connection, frame.content.actor)
                return
            if kind in PARTS:
                self._transfers.heard(connection, frame)
                self._workspaces.arrivals.heard(connection, frame)
                return
            if connection.role == "bulk" or kind in KINDS:
                raise NotAllowed("Files go over a bulk connection, and nothing else does.")
            if kind in self._at_once:
                self._at_once[kind](connection, frame, frame.content)
            elif kind in self._in_time:
                self._begin(connection, frame, self._in_time[kind])
            else:
                workspace, commands = self._workspaces.find(frame.workspace)
                attachment = workspace.people.find(connection, frame.channel)
                if attachment is None:
                    raise NotFound("This channel is not attached.", mend="Attach it first.")
                commands.heard(attachment, frame)
        except SagewsError as error:
            connection.refuse(frame, error)

    def _begin(self, connection: Connection, frame: Frame, do: Callable[[Frame, Any], Awaitable[Message]]) -> None:
        if self._pending.get(connection, 0) >= PENDING:
            raise OverLimit("Too many requests of this connection are under way.")
        self._pending[connection] = self._pending.get(connection, 0) + 1
        task = asyncio.create_task(self._answer(connection, frame, do))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(
        self, connection: Connection, frame: Frame, do: Callable[[Frame, Any], Awaitable[Message]]
    ) -> None:
        try:
            connection.send(frame.reply(await do(frame, frame.content)))
        except SagewsError as error:
            connection.refuse(frame, error)
        finally:
            self._pending[connection] -= 1
            if not self._pending[connection]:
                del self._pending[connection]

    # --- one each

    async def _open_workspace(self, frame: Frame, content: OpenWorkspace) -> Message:
        await self._workspaces.open(frame.workspace, frame.epoch, content)
        return Done()

    async def _close_workspace(self, frame: Frame, content: CloseWorkspace) -> Message:
        await self._workspaces.close(frame.workspace, frame.epoch, "the workspace was closed", "operator")
        return Done()

    async def _list_folders(self, frame: Frame, content: ListFolders) -> Message:
        try:
            return FoldersListed(await asyncio.to_thread(self._workspaces.folders.found))
        except OSError as error:
            raise Unavailable(f"The worker's disk cannot be read: {error.strerror}.") from error

    async def _remove_folder(self, frame: Frame, content: RemoveFolder) -> Message:
        await self._workspaces.remove_folder(frame.workspace)
        return Done()

    async def _forget_workspace(self, frame: Frame, content: ForgetWorkspace) -> Message:
        await self._workspaces.forget(frame.workspace)
        return Done()

    def _attach(self, connection: Connection, frame: Frame, content: Attach) -> None:
        workspace, _ = self._workspaces.find(frame.workspace)
        if frame.channel == 0:
            raise MessageError("message.channel: attach needs a channel other than 0.")
        if connection.attached >= self._settings.channels:
            raise OverLimit("Too many channels are attached on this connection.")
        actor = content.actor
        if actor is None:
            if connection.role == "backend":
                raise MessageError("content.actor: a backend must say for whom it attaches.")
            actor = Actor(account="", role="owner")
        workspace.attach(connection, frame, actor)

    def _renew_lease(self, connection: Connection, frame: Frame, content: RenewLease) -> None:
        self._workspaces.renew(content.epochs)
        if frame.request:
            connection.send(frame.reply(Done()))

    def _follow_journal(self, connection: Connection, frame: Frame, content: FollowJournal) -> None:
        workspace, _ = self._workspaces.find(frame.workspace)
        workspace.journal.follow(connection, frame)
        workspace.checkpoints.store()

    def _journaled(self, connection: Connection, frame: Frame, content: Journaled) -> None:
        workspace, _ = self._workspaces.find(frame.workspace)
        if frame.epoch == workspace.epoch:
            workspace.journal.stored(frame.n)

    def _checkpointed(self, connection: Connection, frame: Frame, content: Checkpointed | Refused) -> None:
        workspace, _ = self._workspaces.find(frame.workspace)
        workspace.checkpoints.requests.answered(connection, frame)

    def _presence(self, connection: Connection, frame: Frame, content: Presence) -> None:
        workspace, _ = self._workspaces.find(frame.workspace)
        attachment = workspace.people.find(connection, frame.channel)
        if attachment is not None:
            workspace.people.tell(content, besides=attachment, client=frame.client)

    def _drain(self, connection: Connection, frame: Frame, content: Drain | Undrain) -> None:
        if isinstance(content, Drain):
            self._workspaces.drain()
        else:
            self._workspaces.undrain()
        if frame.request:
            connection.send(frame.reply(Done()))

    def _elsewhere(self, connection: Connection, frame: Frame, content: Elsewhere) -> None:
        tally = self._workspaces.tally
        tally.heard(connection, content.sessions)
        connection.on_close.setdefault(tally, lambda: tally.forget(connection))

    def _list_open(self, connection: Connection, frame: Frame, content: ListOpen) -> None:
        connection.send(frame.reply(OpenListed(self._workspaces.records(content.account))))

    def _end_session(self, connection: Connection, frame: Frame, content: EndSession) -> None:
        workspace, _ = self._workspaces.find(frame.workspace)
        workspace.session(content.session).end("ended by the site's operator", "operator")
        connection.send(frame.reply(Done()))

    def _detach(self, connection: Connection, frame: Frame, content: Detach) -> None:
        workspace, _ = self._workspaces.find(frame.workspace)
        attachment = workspace.people.find(connection, frame.channel)
        if attachment is not None:
            workspace.following.detach(attachment)
        if frame.request:
            connection.send(frame.reply(Done()))
