"""WorkerSession: evaluate code in one session of a worker, and wait for what it says."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from sagews.client.worker_channel import Channel
from sagews.errors import DatabaseUnavailable, NotFound, SagewsError
from sagews.errors import SessionEnded as SessionEndedError
from sagews.messages import jupyter
from sagews.messages.commands import Execute, OpenSession
from sagews.messages.connection import Waiting
from sagews.messages.frame import Frame
from sagews.messages.workspace import (
    Attached,
    Notice,
    RunEnded,
    SessionEnded,
    SessionStarted,
    WorkspaceClosed,
)
from sagews.messages.outputs import Outputs

if TYPE_CHECKING:
    from sagews.client.worker import WorkerClient

REMEMBERED_RUNS = 200
ATTACH_SECONDS = 15.0
PAUSE_SECONDS = 0.5

Status = Literal["ok", "error", "interrupted", "died"]


@dataclass(frozen=True)
class Result:
    """What an evaluation said."""

    run: str
    status: Status
    outputs: tuple[dict[str, Any], ...] = ()
    """As a notebook has them."""
    execution_count: int = 0
    reason: str = ""
    """Why, where the status is `interrupted` or `died`."""

    @property
    def text(self) -> str:
        """The value of the last expression, as text; "" = there was none."""
        return "".join(
            str(output["data"].get("text/plain", ""))
            for output in self.outputs
            if output["output_type"] == "execute_result"
        )

    @property
    def stdout(self) -> str:
        """What it printed."""
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        """What it wrote to stderr."""
        return self._stream("stderr")

    @property
    def error(self) -> str:
        """`ZeroDivisionError: division by zero`; "" = it did not raise."""
        errors = [output for output in self.outputs if output["output_type"] == "error"]
        return f"{errors[-1]['ename']}: {errors[-1]['evalue']}" if errors else ""

    def _stream(self, name: str) -> str:
        return "".join(
            output["text"] for output in self.outputs if output["output_type"] == "stream" and output["name"] == name
        )


@dataclass
class _Collected:
    """A run, as far as it was told."""

    done: asyncio.Future[None]
    outputs: Outputs = field(default_factory=Outputs)
    status: Status = "ok"
    execution_count: int = 0
    reason: str = ""


class WorkerSession:
    """One session; made by `WorkerClient.open_session`."""

    def __init__(
        self, worker: WorkerClient, channel: Channel, close_workspace: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """:param close_workspace: for a scratch workspace, which goes with its session."""
        self.name = f"script-{secrets.token_hex(6)}"
        self.channel = channel
        self.on_input: asyncio.Queue[jupyter.InputRequest] = asyncio.Queue()
        """What the program asks a person for; answer with `reply`."""
        self.notices: deque[Notice] = deque(maxlen=100)
        self.place = 0
        """In the worker's queue, while it waits for a free place (1 = next)."""
        self.ended: SessionEnded | None = None
        """How it ended, if it has."""
        self._worker = worker
        self._close_workspace = close_workspace
        self._runs: dict[str, _Collected] = {}
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, environment: str) -> None:
        """For `WorkerClient.open_session`: attach, open, and wait until it lives.

        :raises SessionEnded: where it does not.
        :raises DatabaseUnavailable: the site's database is away for longer than a moment.
        """
        await self._attach()
        self._task = asyncio.create_task(self._follow())
        await self.channel.command(OpenSession(environment), session=self.name)
        await self._started

    async def _attach(self) -> None:
        """As pages do, try again for a while where the site's database is away or very busy."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + ATTACH_SECONDS
        while True:
            try:
                await self.channel.attach()
            except DatabaseUnavailable:
                if clock() > deadline:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def evaluate(self, code: str, *, allow_stdin: bool = False, timeout_seconds: float | None = None) -> Result:
        """Evaluate code and wait for its end.

        :raises TimeoutError: it takes longer (and goes on: `interrupt` stops it).
        """
        async with asyncio.timeout(timeout_seconds):
            frame = await self.channel.command(Execute(code, allow_stdin=allow_stdin), session=self.name)
            assert hasattr(frame.content, "runs")
            run = frame.content.runs[0]
            collected = self._collected(run)
            await collected.done
        self._runs.pop(run, None)
        outputs = collected.outputs.as_tuple()
        return Result(run, collected.status, outputs, collected.execution_count, collected.reason)

    async def interrupt(self) -> None:
        """Stop what it evaluates."""
        await self.channel.command(jupyter.InterruptRequest(), session=self.name)

    async def restart(self) -> None:
        """End it and wait for the one that takes its place."""
        self._started = asyncio.get_running_loop().create_future()
        await self.channel.command(jupyter.ShutdownRequest(restart=True), session=self.name)
        await self._started

    async def reply(self, value: str) -> None:
        """Answer the program's request for a line."""
        await self.channel.command(jupyter.InputReply(value), session=self.name)

    async def complete(self, code: str, cursor_pos: int) -> jupyter.CompleteReply:
        """How the code can go on."""
        frame = await self.channel.ask(jupyter.CompleteRequest(code, cursor_pos), session=self.name)
        assert isinstance(frame.content, jupyter.CompleteReply)
        return frame.content

    async def close(self) -> None:
        """End it; a scratch workspace closes with it."""
        if await self._closed_with_its_workspace():
            return
        try:
            await self.channel.command(jupyter.ShutdownRequest(), session=self.name)
        except NotFound:
            pass  # it has ended by itself
        except SessionEndedError:
            self._worker.forget(self.channel)  # so has its workspace
            return
        await self.channel.detach()

    async def give_up(self) -> None:
        """For `WorkerClient.begin_session`: it cannot be opened, and nothing of it is to be left."""
        if not await self._closed_with_its_workspace():
            await self.channel.detach()

    # --- inside

    async def _closed_with_its_workspace(self) -> bool:
        """Follow it no more; False: its workspace is not a scratch one, and stays."""
        if self._task is not None:
            self._task.cancel()
        self._worker.session_closed(self)
        if self._close_workspace is None:
            return False
        self._worker.forget(self.channel)
        await self._close_workspace()
        return True

    def _collected(self, run: str) -> _Collected:
        if run not in self._runs:
            self._runs[run] = _Collected(asyncio.get_running_loop().create_future())
            ended = [known for known, collected in self._runs.items() if collected.done.done()]
            for old in ended[:-REMEMBERED_RUNS]:
                del self._runs[old]
        return self._runs[run]

    async def _follow(self) -> None:
        try:
            async for frame in self.channel.events():
                self._heard(frame)
                if isinstance(frame.content, WorkspaceClosed):
                    self._workspace_closed(frame.content.reason)
        except SagewsError as error:
            self._gone(error)

    def _workspace_closed(self, reason: str) -> None:
        """Attaching again would open it again, without the session."""
        self.channel.end(lambda: SessionEndedError(f"The workspace was closed: {reason}."))

    def _heard(self, frame: Frame) -> None:
        content = frame.content
        if isinstance(content, Attached):
            self._start_over(content)
        elif frame.session == self.name:
            self._heard_session(frame)

    def _heard_session(self, frame: Frame) -> None:
        content = frame.content
        if isinstance(content, SessionStarted):
            if not self._started.done():
                self._started.set_result(None)
        elif isinstance(content, SessionEnded):
            if content.code != "restart":
                self.ended = content
                self._gone(SessionEndedError(f"The session has ended: {content.reason}."))
        elif isinstance(content, Waiting):
            self.place = content.place
        elif isinstance(content, Notice):
            self.notices.append(content)
        elif frame.run:
            self._heard_run(frame)

    def _heard_run(self, frame: Frame) -> None:
        collected, content = self._collected(frame.run), frame.content
        if isinstance(content, RunEnded):
            collected.status, collected.reason = content.status, content.reason
            collected.execution_count = content.execution_count
            if not collected.done.done():
                collected.done.set_result(None)
        elif isinstance(content, jupyter.InputRequest):
            self.on_input.put_nowait(content)
        else:
            collected.outputs.take(content)

    def _start_over(self, attached: Attached) -> None:
        """A snapshot: it has all that was told, also what we did not hear."""
        if attached.snapshot is None:
            return
        if any(session.session == self.name for session in attached.snapshot.sessions) and not self._started.done():
            self._started.set_result(None)
        for record in attached.snapshot.cells:
            if record.document:
                continue
            collected = self._collected(record.run)
            collected.outputs = Outputs(record.outputs)
            status = record.status
            if status != "queued" and status != "running" and not collected.done.done():
                collected.status, collected.execution_count = status, record.execution_count
                collected.done.set_result(None)

    def _gone(self, error: SagewsError) -> None:
        for future in [self._started, *(collected.done for collected in self._runs.values())]:
            if not future.done():
                future.set_exception(error)
                future.exception()
