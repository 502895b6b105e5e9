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
from typing import Literal

from sagews.errors import Conflict, MessageError, OverLimit, SagewsError, SessionEnded
from sagews.messages import jupyter
from sagews.messages.connection import Refused, Waiting
from sagews.messages.frame import Frame, Message
from sagews.messages.records import PendingInput, SessionState
from sagews.messages.workspace import Notice, SessionStarted
from sagews.messages.workspace import SessionEnded as SessionEndedEvent
from sagews.worker.output_pace import OutputPace
from sagews.worker.questions import Answer, Questions
from sagews.worker.run import Run
from sagews.worker.session_process import Code, SessionEnd, SessionProcess
from sagews.worker.session_runs import SessionRuns, Surroundings
from sagews.worker.session_times import SessionTimes

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
        self.runs = SessionRuns(around, name)
        self.queue = self.runs.queue
        self.on_idle: Callable[[], None] = lambda: None
        """Called when nothing runs and nothing waits any more."""
        self._around = around
        self._process: SessionProcess | None = None
        self._pace: OutputPace | None = None
        self._questions = Questions(around.settings.questions)
        self._early: list[tuple[Message, Answer]] = []
        """Questions that came before it could hear them."""
        self._times = SessionTimes(self, around.limits, around.settings.input_seconds)
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
        self._times.started()
        process.on_frame = self._heard
        process.on_warning = self.warn
        process.on_stirred = around.disk.changed
        self._pace = OutputPace(around.settings.shown_per_second, process)
        self._state("idle")
        self._tell(SessionStarted(self.environment, self.document, time.time()))
        log.info("Session started", extra=self._fields("session_started", environment=self.environment))
        if self._shutdown is not None:
            process.kill(self._shutdown.reason, self._shutdown.code)
        early, self._early = self._early, []
        for question, answer in early:
            try:
                self._questions.ask(question, answer, process.send)
            except OverLimit as error:
                answer(Refused.because(error, question.type))
        self._next()
        return await process.ended

    def _over(self, ending: SessionEnd) -> None:
        """Tell that it is over and what became of its runs."""
        self._process = None
        self.input = None
        for question, answer in self._early:
            answer(Refused.because(SessionEnded(), question.type))
        self._early.clear()
        self._times.over()
        if self._pace is not None:
            self._pace.stop()
        self.runs.died(ending.reason)
        if not self._restart:
            self.runs.cancel(ending.reason)
        self.runs.close_output()
        self._questions.give_up()
        self._shutdown, self._restart = None, False
        self._state("starting")
        self._around.tally.ends[ending.code] += 1
        self._tell(SessionEndedEvent(ending.reason, self.document, ending.code, time.time()))
        log.info(
            "Session ended",
            extra=self._fields(
                "session_ended",
                reason=ending.reason,
                code=ending.code,
                cpu_seconds=round(ending.cpu_seconds, 2),
                peak_bytes=ending.peak_bytes,
            ),
        )

    def end(self, reason: str, code: Code, *, restart: bool = False) -> None:
        """End it; with `restart`, another one takes its place, also in the worker's queue."""
        if restart and self.state == "waiting":
            self.runs.cancel(reason)
            return
        self._restart = restart
        self._shutdown = SessionEnd(reason, code)
        # Now: what is queued from here on is for the session that takes this one's place.
        self.runs.cancel(reason)
        if self._process is not None:
            self._process.kill(reason, code)
        elif self.state == "waiting" and self._asked is not None:
            self._asked.cancel()

    def quit(self, reason: str) -> None:
        """Its time is over: let it keep what it has, then end it."""
        self._restart = False
        self._shutdown = SessionEnd(reason, "limit")
        self.runs.cancel(reason)
        if self._process is not None:
            self._process.quit(reason, "limit")

    def warn(self, text: str, level: Literal["info", "warning", "error"] = "warning") -> None:
        """Let everybody who follows know, and the operator."""
        self._tell(Notice(text, level, self.document))
        log.info("Session warned", extra=self._fields("session_warned", text=text))

    # --- what it is told

    def add(self, runs: list[Run]) -> None:
        """Queue runs; their events say so, and the first starts if nothing is before it."""
        self.runs.add(runs)
        self._next()

    def cancel(self, ids: tuple[str, ...]) -> None:
        """Take runs that wait (none = all) out of the queue."""
        self.runs.cancel("cancelled", ids)

    def interrupt(self) -> None:
        """Stop what is evaluated, and what waits for its turn after it."""
        if self.queue.running is not None:
            self.queue.running.interrupted = True
        if self.state == "busy" and self._process is not None:
            self._process.interrupt()
        self.runs.cancel("interrupted")

    def ask(self, question: Message, answer: Answer) -> None:
        """Ask it something; while it starts, the question waits. Raises OverLimit or SessionEnded."""
        if self._process is None:
            if len(self._early) >= self._around.settings.questions:
                raise OverLimit("This session has not started yet, and has too many questions to answer.")
            self._early.append((question, answer))
            return
        self._questions.ask(question, answer, self._process.send)

    def hand_on(self, content: Message, run: str) -> None:
        """Give it an input reply or a widget's message. Raises SessionEnded or Conflict.

        :param run: what its sender calls this message; what a widget answers to it names that.
        """
        if self._process is None:
            raise SessionEnded("The session has not started yet.")
        if isinstance(content, jupyter.InputReply):
            if self.input is None:
                raise Conflict("The program waits for no input.", mend="Somebody may have answered it already.")
            self.input = None
            self._times.answered()
        self._process.send(Frame(content=content, run=run))

    def session_state(self) -> SessionState:
        """As a snapshot has it."""
        return SessionState(self.name, self.environment, self.state, self.document, self.since)

    # --- what it says

    def _heard(self, frame: Frame) -> None:
        try:
            self._take(frame)
        except MessageError as error:
            text = f"A {frame.content.type} message cannot be shown: {error.what}"
            self._tell(Notice(text, "error", self.document), frame.run)

    def _take(self, frame: Frame) -> None:
        content = frame.content
        if isinstance(content, jupyter.Stream):
            self.runs.text(content)
        elif isinstance(content, SHOWN):
            self.runs.shown(content)
            self._shown()
        elif isinstance(content, jupyter.ExecuteReply):
            self._heard_reply(content)
        elif isinstance(content, ANSWERS):
            self._questions.answered(frame)
        elif isinstance(content, jupyter.InputRequest):
            self._heard_input(content)
        elif isinstance(content, COMMS):
            self._tell(content, frame.run)
            self._shown()
        elif isinstance(content, jupyter.Status) and self.queue.running is None:
            self._heard_status(content)

    def _shown(self) -> None:
        if self._pace is not None:
            self._pace.shown()

    def _heard_input(self, content: jupyter.InputRequest) -> None:
        run = self.queue.running
        if run is not None:
            self._times.asked()
            self.input = PendingInput(self.name, run.id, content.prompt, content.password)
            self._tell(content, run.id)

    def _heard_status(self, content: jupyter.Status) -> None:
        """Outside of runs: the code of a widget begins or ends."""
        if content.execution_state == "busy":
            self._times.busy()
            self._state("busy")
        elif self.state == "busy":
            self._next()

    def _heard_reply(self, content: jupyter.ExecuteReply) -> None:
        if self.queue.running is not None:
            self.input = None
            self._times.answered()
            self.runs.replied(content)
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
                self._times.idle()
                self.on_idle()
            return
        self._times.busy()
        self._state("busy")
        self._process.send(self.runs.begin(run, self.interrupt))

    def _state(self, state: Literal["waiting", "starting", "idle", "busy"]) -> None:
        if state != self.state:
            self.state, self.since = state, time.time()
            if state != "waiting":
                self._tell(jupyter.Status(state))

    def _fields(self, action: str, **fields: object) -> dict[str, object]:
        """Of a log line."""
        return {"action": action, "workspace": self._around.stream.workspace, "session": self.name, **fields}

    def _tell(self, content: Message, run: str = "") -> None:
        self.runs.tell(content, run)
