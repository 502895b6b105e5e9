"""Sessions of a workspace: list, end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.backend.worker_pool import Opening
from sagews.client.refusals import error_of
from sagews.database.choices import Role
from sagews.errors import NotFound, WorkerUnavailable
from sagews.messages import Frame
from sagews.messages.connection import Refused
from sagews.messages.frame import Message
from sagews.messages.jupyter import ShutdownRequest
from sagews.messages.records import Actor, SessionState
from sagews.messages.workspace import Acknowledged, Attach, Attached, Detach

sessions = Operations("sessions")

PATIENCE_SECONDS = 10.0


class SessionAnswer(Schema):
    """A session; `since` (Unix time in seconds) it is in its state."""

    session: str
    environment: str
    state: Literal["waiting", "starting", "idle", "busy"]
    document: str
    since: float

    @classmethod
    def of(cls, state: SessionState) -> SessionAnswer:
        """The answer about what the worker told."""
        return cls(
            session=state.session,
            environment=state.environment,
            state=state.state,
            document=state.document,
            since=state.since,
        )


class SessionList(Schema):
    """The sessions of a workspace."""

    sessions: list[SessionAnswer]


@dataclass
class Visit:
    """A short attachment of the backend's own; a `Follower`."""

    opening: Opening
    name: str = field(default_factory=lambda: f"visit-{uuid4().hex}")
    channel: int = 0
    answer: asyncio.Future[Frame] | None = None

    async def ask(self, content: Message, session: str = "", k: int = 0) -> Frame:
        """Ask on the channel, and wait for the answer.

        :raises SagewsError: what the worker refused with.
        """
        self.answer = asyncio.get_running_loop().create_future()
        opening = self.opening
        self.opening.link.send(
            Frame(
                content=content,
                workspace=opening.workspace,
                # Attaching after (0, 0) is answered with a snapshot.
                epoch=0 if isinstance(content, Attach) else opening.epoch,
                session=session,
                client=self.name,
                k=k,
                channel=self.channel,
                request=1,
            )
        )
        try:
            frame = await asyncio.wait_for(self.answer, PATIENCE_SECONDS)
        except TimeoutError as error:
            raise WorkerUnavailable("The worker does not answer.") from error
        if isinstance(frame.content, Refused):
            raise error_of(frame.content)
        return frame

    def take(self, frame: Frame) -> None:
        """Take an answer; events are of no interest."""
        is_answer = isinstance(frame.content, Attached | Acknowledged | Refused)
        if is_answer and self.answer is not None and not self.answer.done():
            self.answer.set_result(frame)

    def lost(self) -> None:
        """The worker is gone."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(WorkerUnavailable())

    async def attach(self, actor: Actor) -> Attached:
        """Attach; the snapshot is in the answer."""
        self.channel = self.opening.link.open_channel(self)
        answer = (await self.ask(Attach(actor=actor))).content
        if not isinstance(answer, Attached):
            raise WorkerUnavailable(f"The worker answered {answer.type!r}.")
        return answer

    def leave(self) -> None:
        """Detach."""
        opening = self.opening
        opening.link.send(Frame(content=Detach(), workspace=opening.workspace, channel=self.channel))
        opening.link.close_channel(self.channel)


@sessions.declare("GET", "/api/workspaces/{workspace}/sessions", answer=SessionList, refuses=(NotFound,))
async def list_sessions(call: Call) -> SessionList:
    """List the sessions of a workspace; one that nobody has open has none."""
    workspace = await call.workspace(Role.READER)
    stored = await call.backend.store.workspaces.get(workspace)
    if stored.worker is None:
        return SessionList(sessions=[])
    visit = Visit(await call.backend.workers.open(workspace))
    try:
        attached = await visit.attach(_actor(call, Role.READER))
    finally:
        visit.leave()
    snapshot = attached.snapshot
    return SessionList(sessions=[SessionAnswer.of(one) for one in snapshot.sessions] if snapshot else [])


@sessions.declare("DELETE", "/api/workspaces/{workspace}/sessions/{session}", status=204, refuses=(NotFound,))
async def end_session(call: Call) -> None:
    """End a session."""
    workspace = await call.workspace(Role.COLLABORATOR)
    stored = await call.backend.store.workspaces.get(workspace)
    if stored.worker is None:
        raise NotFound("There is no such session.")
    visit = Visit(await call.backend.workers.open(workspace))
    try:
        await visit.attach(_actor(call, Role.COLLABORATOR))
        await visit.ask(ShutdownRequest(), call.path["session"], k=1)
    finally:
        visit.leave()


def _actor(call: Call, role: Role) -> Actor:
    account = call.who.account
    return Actor(account=account.id, name=account.name, role=role.value)
