"""One session, as the worker server sees it: frames out and in, interrupt, kill, and how it ended.

Invariant: `on_frame` gets everything in the order of the program; `ended` is set once, after the last frame,
when no process of the session is left. What comes from the session is not trusted.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Literal

from sagews.errors import MessageError, SessionEnded
from sagews.messages import Frame, encode
from sagews.messages.jupyter import ExecuteReply, ExecuteRequest, InputReply, Status
from sagews.messages.records import Limits
from sagews.messages.sizes import in_binary_units
from sagews.worker.alarm import duration
from sagews.worker.fork_requests import FINISH, INTERRUPT, QUIT, STATUS_BYTES, UserStatus
from sagews.worker.session_end import Code, SessionEnd, describe, reason_of
from sagews.worker.session_reading import Descriptors, SessionReading
from sagews.worker.session_writing import SessionWriting
from sagews.worker.stop_ladder import DEFAULT_PATIENCE, Patience, StopLadder
from sagews.worker.usage_watch import UsageWatch

__all__ = ["DEFAULT_PATIENCE", "Code", "Patience", "SessionEnd", "SessionProcess"]


class SessionProcess:
    """Made by `Environments.fork`."""

    def __init__(
        self,
        session: str,
        number: int,
        nonce: str,
        descriptors: Descriptors,
        limits: Limits,
        watch: UsageWatch,
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
        self.on_warning: Callable[[str], None] = lambda text: None
        """Is told what people should know before it ends."""
        self.on_stirred: Callable[[], None] = lambda: None
        """Called now and then while it does something, also in the background."""
        self._loop = asyncio.get_running_loop()
        self._descriptors = descriptors
        self._reading = SessionReading(descriptors, nonce, self._heard, self._spoiled)
        self._writing = SessionWriting(descriptors.messages)
        self._patience = patience
        self._watch = watch
        self._state: Literal["idle", "requested", "busy"] = "idle"
        self._interrupt_wanted = False
        self._ladder = StopLadder()
        self._cause: tuple[str, Code] | None = None
        self._finishing = False
        self._status: UserStatus | None = None

    # --- what the server does with it

    def start(self) -> None:
        """Begin to listen. Called by `Environments`."""
        self._loop.add_reader(self._descriptors.control, self._read_control)
        self._reading.start()

    def send(self, frame: Frame) -> None:
        """Send a frame to the session; it is taken when the session comes to it.

        :raises SessionEnded: where the session is over; OverLimit where it is busy, and too much waits for it. (Runs
            and lines of input come one at a time, and are taken in any case.)
        """
        if self.ended.done():
            raise SessionEnded(f"The session has ended: {self.ended.result().reason}.")
        data = encode(frame)
        if not isinstance(frame.content, (ExecuteRequest, InputReply)):
            self._writing.check_room(len(data))
        if isinstance(frame.content, ExecuteRequest) and self._state == "idle":
            self._state = "requested"
        self._writing.write(data)

    def interrupt(self) -> None:
        """Send SIGINT to what is running, again after a while, and end the session after another.

        Between runs nothing is sent: it would travel while the next run begins, and hit that one.
        """
        if self._state == "requested":
            self._interrupt_wanted = True
        elif self._state == "busy" and not self._ladder.is_climbed:
            self._control(INTERRUPT)
            self._ladder.climb(
                (self._patience.again_seconds, self._interrupt_again),
                (
                    self._patience.kill_seconds,
                    lambda: self.kill("restarted: it did not react to interrupt", "restart"),
                ),
            )

    def quit(self, reason: str, code: Code) -> None:
        """Send SIGQUIT, for which a program may have a handler that keeps what it has; after a while, `kill`."""
        if self._cause is None and not self.ended.done():
            self._cause = (reason, code)
            self._control(QUIT)
            self._ladder.climb((self._patience.quit_seconds, self._finish))

    def kill(self, reason: str, code: Code) -> None:
        """End the session and everything that it started; `ended` tells when that is done."""
        if not self.ended.done():
            self._cause = self._cause or (reason, code)
            self._finish()

    def warn(self, text: str) -> None:
        """For the watch: people should know this."""
        self.on_warning(text)

    def stirred(self) -> None:
        """For the watch: it does something."""
        self.on_stirred()

    def pause_output(self) -> None:
        """Read nothing of the session for now: its program waits when its pipes are full."""
        self._reading.pause()

    def resume_output(self) -> None:
        """Read again."""
        self._reading.resume()

    # --- what comes from the session

    def _heard(self, frame: Frame) -> None:
        self._note(frame)
        self.on_frame(frame)

    def _spoiled(self, error: MessageError) -> None:
        self.kill(f"it sent what is no message: {error.what}", "died")

    def _note(self, frame: Frame) -> None:
        """Follow what the session is doing."""
        content = frame.content
        if isinstance(content, Status) and content.execution_state == "busy":
            self._state = "busy"
            self._watch.busy(self)
            if self._interrupt_wanted:
                self._interrupt_wanted = False
                self.interrupt()
        elif isinstance(content, (ExecuteReply, Status)):
            self._state = "idle"
            self._watch.idle(self)
            if self._cause is None:
                self._ladder.leave()

    def _interrupt_again(self) -> None:
        self._control(INTERRUPT)
        again, kill = duration(self._patience.again_seconds), duration(self._patience.kill_seconds)
        self.on_warning(f"The interrupt has had no effect for {again}; it was sent again. In {kill} the session ends.")

    def _finish(self) -> None:
        if not self._finishing:
            self._finishing = True
            self._control(FINISH)

    def _control(self, order: bytes) -> None:
        try:
            self._descriptors.control.send(order)
        except (BrokenPipeError, ConnectionResetError):
            # Init is gone, and with it what was to be told; `ended` will tell.
            pass

    def _read_control(self) -> None:
        try:
            data = self._descriptors.control.recv(STATUS_BYTES + 1)
        except (BlockingIOError, ConnectionResetError):
            data = b""  # it says nothing more: its end is told before who holds the other one closes it
        if len(data) == STATUS_BYTES:
            self._status = UserStatus.unpack(data)
        else:
            self._loop.remove_reader(self._descriptors.control)

    # --- the end

    def finish(self, status: int, reason: str = "", *, out_of_memory: bool = False) -> None:
        """No process of it is left. Called by `Environments`.

        :param status: wait status of its init.
        :param reason: why, where the reason lies outside of the session.
        :param out_of_memory: the kernel killed one of its processes for the memory limit.
        """
        if self.ended.done():
            return
        self._read_control()
        was_busy = self._state != "idle"
        self._reading.drain()
        self._watch.forget(self)
        self._ladder.leave()
        self.ended.set_result(self._end(status, reason, was_busy, out_of_memory))
        self._close()

    def _end(self, status: int, reason: str, was_busy: bool, out_of_memory: bool) -> SessionEnd:
        user = self._status
        usage = (user.cpu_seconds, user.peak_bytes) if user else (0.0, 0)
        if self._cause is not None:
            return SessionEnd(*self._cause, *usage)
        if reason:
            return SessionEnd(reason, "worker", *usage)
        if user is None:
            return SessionEnd(f"its init process was {describe(status)}", "died")
        if out_of_memory and user.status == signal.SIGKILL:
            return SessionEnd(f"memory limit {in_binary_units(self.limits.memory_bytes)}", "limit", *usage)
        return SessionEnd(*reason_of(user.status, self.limits, was_busy=was_busy), *usage)

    def _close(self) -> None:
        self._reading.stop()
        self._writing.stop()
        self._loop.remove_reader(self._descriptors.control)
        self._descriptors.messages.close()
        self._descriptors.control.close()


def _drop(frame: Frame) -> None:
    """Nobody listens."""
