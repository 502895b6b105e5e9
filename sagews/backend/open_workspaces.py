"""Open workspaces and their sessions on all workers, as the operator sees them; ending a session."""

from __future__ import annotations

import asyncio
import logging

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Schema
from sagews.backend.sessions import SessionAnswer
from sagews.backend.worker_connection import WorkerConnection
from sagews.database.workspaces import NamedWorkspace
from sagews.errors import NotFound, SagewsError, WorkerUnavailable
from sagews.messages.oversight import EndSession, ListOpen, OpenListed
from sagews.messages.records import OpenRecord

log = logging.getLogger(__name__)

open_workspaces = Operations("administration")

PATIENCE_SECONDS = 3.0
"""For all workers together: one that hangs does not hide the others."""


class OpenWorkspaceAnswer(Schema):
    """A workspace that is open on a worker since `since` (Unix time in seconds); `people` are attached."""

    workspace: str
    name: str
    owner: str
    owner_name: str
    worker: str
    people: int
    since: float
    sessions: list[SessionAnswer]

    @classmethod
    def of(cls, record: OpenRecord, worker: str, named: NamedWorkspace | None) -> OpenWorkspaceAnswer:
        """The answer about what a worker told; without names where the workspace was deleted meanwhile."""
        return cls(
            workspace=record.workspace,
            name=named.name if named else "",
            owner=named.owner if named else "",
            owner_name=named.owner_name if named else "",
            worker=worker,
            people=record.people,
            since=record.since,
            sessions=[SessionAnswer.of(one) for one in record.sessions],
        )


class OpenWorkspacesAnswer(Schema):
    """What the workers say; of those in `silent` nothing is known."""

    workspaces: list[OpenWorkspaceAnswer]
    silent: list[str]


@open_workspaces.declare("GET", "/api/admin/workspaces", answer=OpenWorkspacesAnswer)
async def list_open_workspaces(call: Call) -> OpenWorkspacesAnswer:
    """List the workspaces that are open on the workers, with their sessions (operator)."""
    call.require_operator()
    workers = call.backend.workers.workers
    told = await asyncio.gather(*(ask_for_open(worker) for worker in workers))
    ids = {one.workspace for records in told for one in records or ()}
    named = await call.backend.store.workspaces.named(ids)
    return OpenWorkspacesAnswer(
        workspaces=[
            OpenWorkspaceAnswer.of(one, worker.id, named.get(one.workspace))
            for worker, records in zip(workers, told, strict=True)
            for one in sorted(records or (), key=lambda record: record.workspace)
        ],
        silent=[worker.id for worker, records in zip(workers, told, strict=True) if records is None],
    )


@open_workspaces.declare(
    "DELETE", "/api/admin/workspaces/{workspace}/sessions/{session}", status=204, refuses=(NotFound,)
)
async def end_anybodys_session(call: Call) -> None:
    """End a session, whoever's it is (operator). Those who use it are told why."""
    call.require_operator()
    workspace, session = call.path["workspace"], call.path["session"]
    stored = await call.backend.store.workspaces.get(workspace)
    worker = next((one for one in call.backend.workers.workers if one.id == stored.worker), None)
    if worker is None:
        raise NotFound("There is no such session.")
    if worker.link is None:
        raise WorkerUnavailable(f"The worker {worker.id} does not answer.")
    await worker.link.request(EndSession(session), workspace=workspace)
    details = {"session": session, "worker": worker.id}
    account = call.who.account.id
    await call.backend.store.activity.note("session_ended", account=account, workspace=workspace, details=details)
    log.info(
        "Session ended by the operator",
        extra={"action": "session_ended_by_operator", "workspace": workspace, "session": session, "account": account},
    )


async def ask_for_open(worker: WorkerConnection) -> tuple[OpenRecord, ...] | None:
    """What is open there; None where it does not say."""
    if worker.link is None:
        return None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = (await worker.link.request(ListOpen())).content
    except (SagewsError, TimeoutError) as error:
        log.info(
            "Worker tells nothing", extra={"action": "worker_tells_nothing", "worker": worker.id, "what": str(error)}
        )
        return None
    return answer.workspaces if isinstance(answer, OpenListed) else None
