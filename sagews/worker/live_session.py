"""LiveSession: one session of an open workspace: its process, its queue, and what it tells.

Invariants: a run's events come in the order queued, started, output, ended; when the session ends,
the running one ends as `died` and those that wait as `interrupted`, and only then `session_ended` is told,
with the reason.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sagews.errors import Conflict, OverLimit, SagewsError, SessionEnded, TooLarge
from sagews.messages import jupyter
from sagews.messages.connection import Waiting
from sagews.messages.frame import Frame, Message
from sagews.messages.records import Limits, PendingInput, SessionState
from sagews.messages.workspace import Notice, RunEnded, RunQueued, RunStarted, SessionStarted
from sagews.messages.workspace import SessionEnded as SessionEndedEvent
from sagews.worker.alarm import Alarm, duration
from sagews.worker.capacity import Capacity
from sagews.worker.environments import Environments
from sagews.worker.kept_output import KeptOutput
from sagews.worker.people import People
from sagews.worker.questions import Answer, Questions
from sagews.worker.run import EndStatus, Run
from sagews.worker.run_output import RunOutput
from sagews.worker.run_queue import RunQueue
from sagews.worker.run_records import RunRecords
from sagews.worker.session_process import Code, SessionEnd, SessionProcess
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream

log = logging.getLogger(__name__)

ANSWERS = (jupyter.CompleteReply, jupyter.InspectReply, jupyter.IsCompleteReply, jupyter.KernelInfoReply)
SHOWN = (
    jupyter.DisplayData,
    jupyter.UpdateDisplayData,
    jupyter.ExecuteResult,
    jupyter.Error,
    jupyter.ClearOutput,
)
COMMS = (jupyter.CommOpen, jupyter.CommMsg, jupyter.CommClose)


@dataclass(frozen=True)
class Surroundings:
    """What the sessions of one open workspace share."""

    stream: NumberedStream
    records: RunRecords
    environments: Environments
    capacity: Capacity
    folder: Path
    kept_file: Callable[[str], Path]
    """Where the text of a run is kept."""
    limits: Limits
    settings: WorkerSettings
    people: People


class LiveSession:
    """One session, from its opening to its end, restarts included."""

    def __init__(self, around: Surroundings, name: str, environment: str, document: str) -> None:
        """Nothing runs until `live` does."""
        self.name = name
        self.environment = environment
        self.document = document
        self.state: Literal["waiting", "starting", "idle", "busy"] = "starting"
        self.since = time.time()
        self.input: PendingInput | None = None
        self.queue = RunQueue(around.settings.queued_runs)
        self.on_outputs: Callable[[str], None] = lambda document: None
        """Gets the document whose cells have outputs that they had not, or runs that are over."""
        self._around = around
        self._process: SessionProcess | None = None
        self._output: RunOutput | None = None
        self._questions = Questions(around.settings.questions)
        self._early: list[Callable[[], None]] = []
        limits, settings = around.limits, around.settings
        idle, wall = limits.idle_seconds, limits.wall_seconds
        self._idle = Alarm(idle, lambda: self.end(f"idle {duration(idle)}", "idle"))
        self._wall = Alarm(wall, lambda: self.end(f"wall time limit {duration(wall)}", "limit"))
        self._unanswered = Alarm(settings.input_seconds, self.interrupt)
        self._shutdown: SessionEnd | None = None
        self._restart = False
        self._asked: asyncio.Task[None] | None = None

    # --- its life

    async def live(self) -> None:
        """Fork it when there is a place for it, and stay until it has ended for good."""
        self._asked = asyncio.current_task()
        try:
            async with self._around.capacity.place(self._wait):
                await self._live()
        except OverLimit as error:
            self._over(SessionEnd(error.what, "limit"))
        except asyncio.CancelledError:
            if self._shutdown is None or self.state != "waiting":
                raise
            self._over(self._shutdown)

    def _wait(self, place: int) -> None:
        self._state("waiting")
        self._around.people.tell(Waiting(place), session=self.name)

    async def _live(self) -> None:
        self._state("starting")
        again = True
        while again:
            try:
                if self._shutdown is None:
                    ending = await self._one_life()
                else:
                    ending = self._shutdown
            except SagewsError as error:
                ending = SessionEnd(error.what, "died")
            again = self._restart or ending.code == "restart"
            self._over(ending)

    async def _one_life(self) -> SessionEnd:
        around = self._around
        process = await around.environments.fork(self.environment, self.name, around.folder, around.limits)
        self._process = process
        self._wall.set()
        process.on_frame = self._heard
        self._state("idle")
        self._tell(SessionStarted(self.environment, self.document, time.time()))
        log.info("Session started", extra={"action": "session_started", "session": self.name})
        if self._shutdown is not None:
            process.kill(self._shutdown.reason, self._shutdown.code)
        for call in self._early:
            call()
        self._early.clear()
        self._next()
        return await process.ended

    def _over(self, ending: SessionEnd) -> None:
        """Tell that it is over and what became of its runs."""
        self._process = None
        self.input = None
        self._early.clear()
        for alarm in (self._idle, self._wall, self._unanswered):
            alarm.stop()
        if self.queue.running is not None:
            self._end_run(self.queue.running, "died", reason=ending.reason)
        if not self._restart:
            self._cancel_all(ending.reason)
        if self._output is not None:
            self._output.close()
            self._output = None
        self._questions.give_up()
        self._shutdown, self._restart = None, False
        self._state("starting")
        self._tell(SessionEndedEvent(ending.reason, self.document, ending.code, time.time()))
        log.info("Session ended", extra={"action": "session_ended", "session": self.name, "reason": ending.reason})

    def end(self, reason: str, code: Code, *, restart: bool = False) -> None:
        """End it; with `restart`, another one takes its place."""
        self._restart = restart
        self._shutdown = SessionEnd(reason, code)
        # Now: what is queued from here on is for the session that takes this one's place.
        self._cancel_all(reason)
        if self._process is not None:
            self._process.kill(reason, code)
        elif self.state == "waiting" and self._asked is not None:
            self._asked.cancel()

    # --- what it is told

    def add(self, runs: list[Run]) -> None:
        """Queue runs; their events say so, and the first starts if nothing is before it."""
        for run in runs:
            run.queued = time.time()
            self._around.records.add(run)
            self.queue.add(run)
            self._tell(RunQueued(run.document, run.cell, run.queued), run.id)
        self._next()

    def cancel(self, ids: tuple[str, ...]) -> None:
        """Take runs that wait (none = all) out of the queue."""
        for run in self.queue.cancel(ids):
            self._end_run(run, "interrupted", reason="cancelled")

    def interrupt(self) -> None:
        """Stop what is evaluated, and what waits for its turn after it."""
        if self.queue.running is not None:
            self.queue.running.interrupted = True
            if self._process is not None:
                self._process.interrupt()
        self._cancel_all("interrupted")

    def _cancel_all(self, reason: str) -> None:
        for run in self.queue.cancel():
            self._end_run(run, "interrupted", reason=reason)

    def ask(self, question: Message, answer: Answer) -> None:
        """Ask it something; while it starts, the question waits. Raises OverLimit."""
        if self._process is None:
            if len(self._early) >= self._around.settings.questions:
                raise SessionEnded("The session has not started yet.")
            self._early.append(lambda: self.ask(question, answer))
            return
        self._questions.ask(question, answer, self._process.send)

    def hand_on(self, content: Message) -> None:
        """Give it an input reply or a widget's message. Raises SessionEnded or Conflict."""
        if self._process is None:
            raise SessionEnded("The session has not started yet.")
        if isinstance(content, jupyter.InputReply):
            if self.input is None:
                raise Conflict("The program waits for no input.", mend="Somebody may have answered it already.")
            self.input = None
            self._unanswered.stop()
        self._process.send(Frame(content=content))

    def session_state(self) -> SessionState:
        """As a snapshot has it."""
        return SessionState(self.name, self.environment, self.state, self.document, self.since)

    # --- what it says

    def _heard(self, frame: Frame) -> None:
        try:
            self._take(frame)
        except TooLarge:
            text = f"A {frame.content.type} message was too large and is not shown."
            self._tell(Notice(text, "error", self.document), frame.run)

    def _take(self, frame: Frame) -> None:
        content = frame.content
        if isinstance(content, jupyter.Stream):
            self._heard_text(content)
        elif isinstance(content, SHOWN):
            self._heard_shown(content)
        elif isinstance(content, jupyter.ExecuteReply):
            self._heard_reply(content)
        elif isinstance(content, ANSWERS):
            self._questions.answered(frame)
        elif isinstance(content, jupyter.InputRequest):
            self._heard_input(content)
        elif isinstance(content, COMMS):
            self._tell(content, self._output.run.id if self._output else "")

    def _heard_text(self, content: jupyter.Stream) -> None:
        if self._output is not None:
            self._output.text(content.name, content.text)
            self.on_outputs(self._output.run.document)
        else:
            self._tell(content)

    def _heard_shown(self, content: Message) -> None:
        if isinstance(content, jupyter.UpdateDisplayData):
            for document in self._around.records.update_display(content, self.name):
                self.on_outputs(document)
            self._tell(content, self._output.run.id if self._output else "")
        elif self._output is not None:
            self._output.show(content)
            self.on_outputs(self._output.run.document)
        else:
            self._tell(content)

    def _heard_input(self, content: jupyter.InputRequest) -> None:
        run = self.queue.running
        if run is not None:
            self._unanswered.set()
            self.input = PendingInput(self.name, run.id, content.prompt, content.password)
            self._tell(content, run.id)

    def _heard_reply(self, content: jupyter.ExecuteReply) -> None:
        run = self.queue.running
        if run is None:
            return
        self.input = None
        self._unanswered.stop()
        run.execution_count = content.execution_count
        status: EndStatus = "ok" if content.status == "ok" else "error"
        if content.status == "aborted" or (run.interrupted and content.ename == "KeyboardInterrupt"):
            status = "interrupted"
        self._end_run(run, status)
        if status != "ok":
            for later in self.queue.cancel_command(run.command):
                self._end_run(later, "interrupted", reason="an earlier cell failed")
        self._next()

    # --- inside

    def _next(self) -> None:
        """Start the next run, if the session is free."""
        if self._process is None or self._shutdown is not None:
            return
        run = self.queue.take_next()
        if run is None:
            self._state("busy" if self.queue.running is not None else "idle")
            if self.queue.running is None:
                self._idle.set()
            return
        self._idle.stop()
        self._state("busy")
        if self._output is not None:
            self._output.close()
        settings = self._around.settings
        maximum = self._around.limits.output_bytes
        path = self._around.kept_file(run.id)
        kept = KeptOutput(path, settings.output_shown_bytes, settings.output_tail_bytes, maximum)
        self._output = RunOutput(run, kept, self._around.stream, settings.rich_bytes, self.interrupt)
        run.status, run.started = "running", time.time()
        self._tell(RunStarted(run.document, run.cell, run.started), run.id)
        request = jupyter.ExecuteRequest(
            run.code, silent=run.silent, store_history=run.store_history, allow_stdin=run.allow_stdin
        )
        self._process.send(Frame(content=request, run=run.id))

    def _end_run(self, run: Run, status: EndStatus, reason: str = "") -> None:
        if self._output is not None and self._output.run is run:
            self._output.end()
        if self.queue.running is run:
            self.queue.finish()
        run.status, run.ended = status, time.time()
        self._tell(RunEnded(status, run.document, run.cell, run.execution_count, run.ended, reason), run.id)
        self.on_outputs(run.document)

    def _state(self, state: Literal["waiting", "starting", "idle", "busy"]) -> None:
        if state != self.state:
            self.state, self.since = state, time.time()
            if state != "waiting":
                self._tell(jupyter.Status(state))

    def _tell(self, content: Message, run: str = "") -> None:
        self._around.stream.append(content, session=self.name, run=run)
