"""One session, as the worker server sees it: frames out and in, interrupt, kill, and how it ended.

Invariant: `on_frame` gets everything in the order of the program; `ended` is set once, after the last frame,
when no process of the session is left. What comes from the session is not trusted.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sagews.errors import MessageError, SessionEnded
from sagews.messages import Decoder, Frame, encode
from sagews.messages.frame import Malformed
from sagews.messages.jupyter import ExecuteReply, ExecuteRequest, Status
from sagews.messages.records import Limits
from sagews.worker.fork_requests import FINISH, INTERRUPT, STATUS_BYTES, UserStatus
from sagews.worker.memory_watch import MemoryWatch
from sagews.worker.output_order import NAMES, Name, OutputOrder
from sagews.worker.session_end import Code, SessionEnd, describe, reason_of

__all__ = ["DEFAULT_PATIENCE", "Code", "Descriptors", "Patience", "SessionEnd", "SessionProcess"]

log = logging.getLogger(__name__)

_READ_BYTES = 1 << 18
_REST_SECONDS = 0.002


@dataclass(frozen=True)
class Descriptors:
    """The server's ends of what connects it with a session."""

    messages: socket.socket
    control: socket.socket
    stdout: int
    stderr: int


@dataclass(frozen=True)
class Patience:
    """How long an interrupt is waited for."""

    again_seconds: float = 2.0
    kill_seconds: float = 5.0
    """After the second one."""


DEFAULT_PATIENCE = Patience()


class SessionProcess:
    """Made by `Environments.fork`."""

    def __init__(
        self,
        session: str,
        number: int,
        nonce: str,
        descriptors: Descriptors,
        limits: Limits,
        memory: MemoryWatch,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        """
        :param session: its name, for logs.
        :param number: in this worker's life.
        """
        self.session = session
        self.number = number
        self.pid = 0
        """Of its init."""
        self.limits = limits
        self.ended: asyncio.Future[SessionEnd] = asyncio.get_running_loop().create_future()
        self.on_frame: Callable[[Frame], None] = _drop
        self._loop = asyncio.get_running_loop()
        self._descriptors = descriptors
        self._patience = patience
        self._memory = memory
        self._order = OutputOrder(nonce)
        self._readers = {name: functools.partial(self._read_pipe_and_rest, name) for name in NAMES}
        self._decoder = Decoder()
        self._pipes: dict[Name, int] = {"stdout": descriptors.stdout, "stderr": descriptors.stderr}
        self._state: Literal["idle", "requested", "busy"] = "idle"
        self._interrupt_wanted = False
        self._timers: list[asyncio.TimerHandle] = []
        self._unsent = bytearray()
        self._paused = False
        self._resting = False
        self._read_of: set[int] = set()
        self._cause: tuple[str, Code] | None = None
        self._status: UserStatus | None = None

    # --- what the server does with it

    def start(self) -> None:
        """Begin to listen. Called by `Environments`."""
        self._loop.add_reader(self._descriptors.control, self._read_control)
        self._listen()

    def send(self, frame: Frame) -> None:
        """Send a frame to the session; it is taken when the session comes to it.

        :raises SessionEnded: where the session is over.
        """
        if self.ended.done():
            raise SessionEnded(f"The session has ended: {self.ended.result().reason}.")
        if isinstance(frame.content, ExecuteRequest) and self._state == "idle":
            self._state = "requested"
        self._unsent += encode(frame)
        self._write()

    def interrupt(self) -> None:
        """Send SIGINT to what is running, again after a while, and end the session after another.

        Between runs nothing is sent: it would travel while the next run begins, and hit that one.
        """
        if self._state == "requested":
            self._interrupt_wanted = True
        elif self._state == "busy" and not self._timers:
            self._control(INTERRUPT)
            again, kill = self._patience.again_seconds, self._patience.kill_seconds
            self._timers = [
                self._loop.call_later(again, self._control, INTERRUPT),
                self._loop.call_later(again + kill, self.kill, "restarted: it did not react to interrupt", "restart"),
            ]

    def kill(self, reason: str, code: Code) -> None:
        """End the session and everything that it started; `ended` tells when that is done."""
        if self._cause is None and not self.ended.done():
            self._cause = (reason, code)
            self._control(FINISH)

    def pause_output(self) -> None:
        """Read nothing of the session for now: its program waits when its pipes are full."""
        self._paused = True
        self._listen()

    def resume_output(self) -> None:
        """Read again."""
        self._paused = False
        self._listen()

    # --- what comes from the session

    def _listen(self) -> None:
        """Watch exactly those descriptors of which something is wanted."""
        wanted: dict[int, Callable[[], None]] = {}
        if not self._paused and not self.ended.done():
            for name, pipe in self._pipes.items():
                if not self._resting and self._order.wants_text(name):
                    wanted[pipe] = self._readers[name]
            if self._order.wants_frames and not self._messages_ended:
                wanted[self._descriptors.messages.fileno()] = self._read_messages_and_text
        for descriptor in self._read_of - wanted.keys():
            self._loop.remove_reader(descriptor)
        for descriptor in wanted.keys() - self._read_of:
            self._loop.add_reader(descriptor, wanted[descriptor])
        self._read_of = set(wanted)

    _messages_ended = False

    def _read_pipe_and_rest(self, name: Name) -> None:
        """Read, and then look at the pipes after a moment only, so that a flood comes in large pieces."""
        self._resting = 0 < self._read_pipe(name) < _READ_BYTES // 4
        if self._resting:
            self._loop.call_later(_REST_SECONDS, self._rested)
        self._listen()

    def _rested(self) -> None:
        self._resting = False
        self._listen()

    def _read_pipe(self, name: Name) -> int:
        """Read once; return how many bytes there were."""
        try:
            data = os.read(self._pipes[name], _READ_BYTES)
        except BlockingIOError:
            return 0
        self._tell(self._order.feed_text(name, data))
        return len(data)

    def _read_messages_and_text(self) -> None:
        """Read messages, and what of the text is needed to tell them."""
        self._read_messages()
        while not (self._paused or self._order.wants_frames) and self._read_pipes():
            pass
        self._listen()

    def _read_pipes(self) -> bool:
        """Read once what is wanted; False where there is nothing."""
        return sum(self._read_pipe(name) for name in NAMES if self._order.wants_text(name)) > 0

    def _read_messages(self) -> bool:
        """Read once; False where there is nothing."""
        try:
            data = self._descriptors.messages.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self._messages_ended = True
            return False
        try:
            frames = [frame for frame in self._decoder.feed(data) if not isinstance(frame.content, Malformed)]
        except MessageError as error:
            self._messages_ended = True
            self.kill(f"it sent what is no message: {error.what}", "died")
            return False
        self._tell(self._order.feed_frames(frames))
        return True

    def _tell(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._note(frame)
            self.on_frame(frame)

    def _note(self, frame: Frame) -> None:
        """Follow what the session is doing."""
        content = frame.content
        if isinstance(content, Status) and content.execution_state == "busy":
            self._state = "busy"
            self._memory.busy(self)
            if self._interrupt_wanted:
                self._interrupt_wanted = False
                self.interrupt()
        elif isinstance(content, (ExecuteReply, Status)):
            self._state = "idle"
            self._memory.idle(self)
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()

    # --- what goes to the session

    def _write(self) -> None:
        try:
            while self._unsent:
                sent = self._descriptors.messages.send(self._unsent)
                del self._unsent[:sent]
        except BlockingIOError:
            self._loop.add_writer(self._descriptors.messages, self._write)
            return
        except (BrokenPipeError, ConnectionResetError):
            # Its end is on its way; `ended` will tell.
            self._unsent.clear()
        self._loop.remove_writer(self._descriptors.messages)

    def _control(self, order: bytes) -> None:
        try:
            self._descriptors.control.send(order)
        except (BrokenPipeError, ConnectionResetError):
            # Init is gone, and with it what was to be told; `ended` will tell.
            pass

    def _read_control(self) -> None:
        try:
            data = self._descriptors.control.recv(STATUS_BYTES + 1)
        except ConnectionResetError:
            data = b""
        if len(data) == STATUS_BYTES:
            self._status = UserStatus.unpack(data)
        else:
            self._loop.remove_reader(self._descriptors.control)

    # --- the end

    def finish(self, status: int, reason: str = "") -> None:
        """No process of it is left. Called by `Environments`.

        :param status: wait status of its init.
        :param reason: why, where the reason lies outside of the session.
        """
        if self.ended.done():
            return
        self._read_control()
        was_busy = self._state != "idle"
        self._drain()
        self._memory.idle(self)
        for timer in self._timers:
            timer.cancel()
        end = self._end(status, reason, was_busy)
        self.ended.set_result(end)
        self._close()
        log.info("Session ended", extra={"action": "session_ended", "session": self.session, "reason": end.reason})

    def _drain(self) -> None:
        """Tell everything that is left in pipes and socket."""
        progress = True
        while progress:
            progress = self._read_pipes()
            progress |= self._order.wants_frames and not self._messages_ended and self._read_messages()
        self._tell(self._order.finish())

    def _end(self, status: int, reason: str, was_busy: bool) -> SessionEnd:
        user = self._status
        usage = (user.cpu_seconds, user.peak_bytes) if user else (0.0, 0)
        if self._cause is not None:
            return SessionEnd(*self._cause, *usage)
        if reason:
            return SessionEnd(reason, "worker", *usage)
        if user is None:
            return SessionEnd(f"its init process was {describe(status)}", "died")
        return SessionEnd(*reason_of(user.status, self.limits, was_busy=was_busy), *usage)

    def _close(self) -> None:
        self._listen()
        self._loop.remove_reader(self._descriptors.control)
        self._loop.remove_writer(self._descriptors.messages)
        self._descriptors.messages.close()
        self._descriptors.control.close()
        for pipe in self._pipes.values():
            os.close(pipe)


def _drop(frame: Frame) -> None:
    """Nobody listens."""
