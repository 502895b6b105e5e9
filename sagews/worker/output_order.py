"""Text of two pipes and frames of a socket, put into the order in which the program made them.

Pure: bytes and frames in, frames out. A session writes a mark into both pipes before each message and at each
change between its two streams (docs/protocol.md, "Output order inside a session"). A pipe waits at a mark until
the other one is there and, where a message belongs to the mark, until that came.

Invariant: nothing is lost, told twice or told before what came earlier, as long as the session's marks are
right; where they are not (a program may forge them), text of that session may wait or come in another order,
but nothing raises and nothing grows: while something waits, `wants_text` and `wants_frames` say what not to read.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterable
from typing import Literal

from sagews.messages import Frame
from sagews.messages.jupyter import ExecuteReply, Stream

Name = Literal["stdout", "stderr"]
NAMES: tuple[Name, Name] = ("stdout", "stderr")


class _Pipe:
    """What has come through one pipe and is not told yet."""

    def __init__(self, nonce: str) -> None:
        self.at = 0
        """Number of the mark at which this pipe waits; 0 = at none."""
        self.for_message = False
        self.ended = False
        self._data = b""
        self._taken = 0
        """Bytes of `_data` that are told."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._start = f"\x1e{nonce}:".encode()
        self._mark = re.compile(re.escape(self._start) + rb"([0-9]{1,15})(m?)\x1f")
        self._beginning = re.compile(re.escape(self._start) + rb"[0-9]{0,15}m?")

    @property
    def is_done(self) -> bool:
        """Nothing is left and nothing will come."""
        return self.ended and not self.at and self._taken == len(self._data)

    def add(self, data: bytes) -> None:
        """Take bytes; none of them: it has ended."""
        self.ended = self.ended or not data
        self._data = self._data[self._taken :] + data
        self._taken = 0

    def read(self, passed: int) -> str:
        """Take text up to the mark `passed` + 1, or as far as there is any; marks of other numbers are dropped."""
        pieces = []
        while self.at == 0 and self._taken < len(self._data):
            found = self._data.find(self._start, self._taken)
            if found < 0:
                pieces.append(self._decode(len(self._data) - self._held()))
                break
            pieces.append(self._decode(found))
            mark = self._mark.match(self._data, found)
            if mark is not None:
                self._taken = mark.end()
                if int(mark[1]) == passed + 1:
                    self.at, self.for_message = passed + 1, bool(mark[2])
            elif not self.ended and self._beginning.fullmatch(self._data, found):
                break
            else:
                pieces.append(self._decode(found + len(self._start)))
        return "".join(pieces)

    def end_text(self) -> str:
        """What is left of a character whose other bytes did not come."""
        return self._decoder.decode(b"", True)

    def _decode(self, end: int) -> str:
        text = self._decoder.decode(self._data[self._taken : end])
        self._taken = end
        return text

    def _held(self) -> int:
        """How many bytes at the end may be the beginning of a mark."""
        if self.ended:
            return 0
        tail = self._data[max(self._taken, len(self._data) - len(self._start) + 1) :]
        place = tail.rfind(self._start[:1])
        return len(tail) - place if place >= 0 and self._start.startswith(tail[place:]) else 0


class OutputOrder:
    """Of one session."""

    def __init__(self, nonce: str) -> None:
        """:param nonce: of the session's marks, in hex."""
        self._pipes: dict[str, _Pipe] = {name: _Pipe(nonce) for name in NAMES}
        self._frames: deque[Frame] = deque()
        self._passed = 0
        """The last mark that is behind us."""
        self._run = ""
        self._told: list[Frame] = []
        self._pieces: list[str] = []
        self._piece_name: Name = "stdout"

    def wants_text(self, name: Name) -> bool:
        """Should more be read from this pipe now?"""
        pipe = self._pipes[name]
        return pipe.at == 0 and not pipe.ended

    @property
    def wants_frames(self) -> bool:
        """Should more be read from the socket now?"""
        return not self._frames

    def feed_text(self, name: Name, data: bytes) -> list[Frame]:
        """Take bytes of a pipe; return what can be told now. No bytes: the pipe has ended."""
        self._pipes[name].add(data)
        return self._advance()

    def feed_frames(self, frames: Iterable[Frame]) -> list[Frame]:
        """Take frames of the socket; return what can be told now."""
        self._frames.extend(frames)
        return self._advance()

    def finish(self) -> list[Frame]:
        """Nothing comes any more: return all that is left."""
        for pipe in self._pipes.values():
            pipe.add(b"")
        told = self._advance()
        while self._frames or any(pipe.at for pipe in self._pipes.values()):
            # Marks or messages are missing: go on as if they had come.
            self._pass(self._passed + 1)
            while self._frames and self._frames[0].n <= self._passed:
                self._tell_frame(self._frames.popleft())
            if not any(pipe.at for pipe in self._pipes.values()) and self._frames:
                self._passed = max(self._passed, self._frames[0].n - 1)
            told += self._advance()
        self._end_texts()
        return told + self._take()

    def _advance(self) -> list[Frame]:
        while True:
            for name in NAMES:
                self._tell_text(name, self._pipes[name].read(self._passed))
            self._tell_unmarked()
            waiting = [pipe for pipe in self._pipes.values() if not pipe.is_done]
            if not waiting:
                while self._frames:
                    self._tell_frame(self._frames.popleft())
                return self._take()
            number = self._passed + 1
            if any(pipe.at != number for pipe in waiting) or not self._message_is_here(number, waiting):
                return self._take()
            self._pass(number)

    def _message_is_here(self, number: int, waiting: list[_Pipe]) -> bool:
        """May mark `number`, at which every pipe is, be passed?"""
        if self._frames:
            return self._frames[0].n >= number
        return not all(pipe.for_message for pipe in waiting)

    def _pass(self, number: int) -> None:
        if self._frames and self._frames[0].n == number:
            frame = self._frames.popleft()
            if isinstance(frame.content, ExecuteReply):
                self._end_texts()
            self._tell_frame(frame)
        self._passed = number
        for pipe in self._pipes.values():
            pipe.at = 0

    def _tell_unmarked(self) -> None:
        """Tell the messages that need no mark, or whose mark is behind us."""
        while self._frames and self._frames[0].n <= self._passed:
            self._tell_frame(self._frames.popleft())

    def _tell_frame(self, frame: Frame) -> None:
        self._join()
        if frame.n:
            self._run = frame.run
        self._told.append(frame)

    def _end_texts(self) -> None:
        for name in NAMES:
            self._tell_text(name, self._pipes[name].end_text())

    def _tell_text(self, name: Name, text: str) -> None:
        if text:
            if name != self._piece_name:
                self._join()
                self._piece_name = name
            self._pieces.append(text)

    def _join(self) -> None:
        """Make one message of neighbouring pieces."""
        if self._pieces:
            self._told.append(Frame(content=Stream(self._piece_name, "".join(self._pieces)), run=self._run))
            self._pieces.clear()

    def _take(self) -> list[Frame]:
        self._join()
        told, self._told = self._told, []
        return told
