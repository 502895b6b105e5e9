"""SessionReading: what comes from a session, through two pipes and a socket, in the order of its program.

Invariant: `tell` gets every frame once, in order; nothing is read that is not wanted at the moment, so that a program
whose output nobody takes waits. What comes from the session is not trusted.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from sagews.errors import MessageError
from sagews.messages import Decoder, Frame
from sagews.messages.frame import Malformed
from sagews.worker.output_order import NAMES, Name, OutputOrder

_READ_BYTES = 1 << 18
_REST_SECONDS = 0.002


@dataclass(frozen=True)
class Descriptors:
    """The server's ends of what connects it with a session."""

    messages: socket.socket
    control: socket.socket
    stdout: int
    stderr: int


class SessionReading:
    """Of one session."""

    def __init__(
        self, ours: Descriptors, nonce: str, tell: Callable[[Frame], None], spoiled: Callable[[MessageError], None]
    ) -> None:
        """
        :param nonce: that its markers have.
        :param spoiled: is told when it sends what is no message; nothing more of its socket is read then.
        """
        self._loop = asyncio.get_running_loop()
        self._socket = ours.messages
        self._pipes: dict[Name, int] = {"stdout": ours.stdout, "stderr": ours.stderr}
        self._on_frame = tell
        self._on_spoiled = spoiled
        self._order = OutputOrder(nonce)
        self._decoder = Decoder()
        self._readers = {name: functools.partial(self._read_pipe_and_rest, name) for name in NAMES}
        self._stopped = True
        self._paused = False
        self._resting = False
        self._socket_ended = False
        self._read_of: set[int] = set()

    def start(self) -> None:
        """Begin to read."""
        self._stopped = False
        self._listen()

    def pause(self) -> None:
        """Read nothing for now: the program waits when its pipes are full."""
        self._paused = True
        self._listen()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        self._listen()

    def drain(self) -> None:
        """Tell everything that is left in pipes and socket."""
        progress = True
        while progress:
            progress = self._read_pipes()
            progress |= self._order.wants_frames and not self._socket_ended and self._read_messages()
        self._tell(self._order.finish())

    def stop(self) -> None:
        """Read no more, and close the pipes."""
        self._stopped = True
        self._listen()
        for pipe in self._pipes.values():
            os.close(pipe)

    def _listen(self) -> None:
        """Watch exactly those descriptors of which something is wanted."""
        wanted: dict[int, Callable[[], None]] = {}
        if not self._paused and not self._stopped:
            for name, pipe in self._pipes.items():
                if not self._resting and self._order.wants_text(name):
                    wanted[pipe] = self._readers[name]
            if self._order.wants_frames and not self._socket_ended:
                wanted[self._socket.fileno()] = self._read_messages_and_text
        for descriptor in self._read_of - wanted.keys():
            self._loop.remove_reader(descriptor)
        for descriptor in wanted.keys() - self._read_of:
            self._loop.add_reader(descriptor, wanted[descriptor])
        self._read_of = set(wanted)

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
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self._socket_ended = True
            return False
        try:
            frames = [frame for frame in self._decoder.feed(data) if not isinstance(frame.content, Malformed)]
        except MessageError as error:
            self._socket_ended = True
            self._on_spoiled(error)
            return False
        self._tell(self._order.feed_frames(frames))
        return True

    def _tell(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._on_frame(frame)
