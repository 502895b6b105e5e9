"""A session's one socket: frames in, frames out.

Invariant: a frame that must keep its place among text carries the number of the mark before it; a process
that the user's code forks cannot send.
"""

from __future__ import annotations

import socket
from collections import deque

from sagews.messages import Decoder, Frame, encode
from sagews.messages.frame import Malformed, Message
from sagews.worker.session_output import OF_MESSAGE, Marks
from sagews.worker.session_signals import uninterrupted


class Closed(Exception):
    """The worker has closed the socket: this session is over."""


class Channel:
    """Blocking, single-threaded."""

    def __init__(self, connection: socket.socket, marks: Marks) -> None:
        self.run = ""
        """The run to which what is sent belongs."""
        self._connection = connection
        self._marks = marks
        self._decoder = Decoder()
        self._waiting: deque[Frame] = deque()

    @property
    def speaks(self) -> bool:
        """False in a process that the user's code forked."""
        return self._marks.active

    def send(self, content: Message, *, request: int = 0) -> None:
        """Send a message that keeps its place among the text of the run."""
        if self._marks.active:
            with self._marks.lock, uninterrupted():
                number = self._marks.mark(OF_MESSAGE)
                self._connection.sendall(encode(Frame(content=content, run=self.run, n=number, request=request)))

    def send_aside(self, content: Message, *, request: int = 0) -> None:
        """Send a message whose place among text does not matter."""
        if self._marks.active:
            with self._marks.lock, uninterrupted():
                self._connection.sendall(encode(Frame(content=content, run=self.run, request=request)))

    def receive(self) -> Frame:
        """Wait for the next frame.

        :raises Closed: where there is none any more.
        """
        while not self._waiting:
            data = self._connection.recv(1 << 18)
            if not data:
                raise Closed
            self._waiting.extend(
                frame for frame in self._decoder.feed(data) if not isinstance(frame.content, Malformed)
            )
        return self._waiting.popleft()

    def receive_only(self, kind: type[Message]) -> Frame:
        """Wait for a frame with this kind of content; the others keep waiting, in order.

        :raises Closed: where there is none any more.
        """
        passed: deque[Frame] = deque()
        try:
            while True:
                frame = self.receive()
                if isinstance(frame.content, kind):
                    return frame
                passed.append(frame)
        finally:
            self._waiting.extendleft(reversed(passed))
