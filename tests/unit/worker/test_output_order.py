"""Whatever a program writes and however it arrives, it is told in the program's order, once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from sagews.messages import Frame
from sagews.messages.frame import Message
from sagews.messages.jupyter import ClearOutput, DisplayData, ExecuteReply, Stream
from sagews.worker.output_order import NAMES, Name, OutputOrder

NONCE = "0123456789abcdef"

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6) | st.sampled_from(
    ["\x1e", "\x1e0123", "\x1f", "é\0\r\n"]
)
WRITES = st.tuples(st.sampled_from(NAMES), TEXTS)
MESSAGES = st.sampled_from([ClearOutput(), DisplayData({"text/plain": "d"}), ExecuteReply("ok", 1)])
PROGRAMS = st.lists(WRITES | MESSAGES, max_size=30)


@dataclass
class Program:
    """What a session sends, as `session_output` and `session_channel` do it."""

    pipes: dict[str, bytearray] = field(default_factory=lambda: {name: bytearray() for name in NAMES})
    frames: deque[Frame] = field(default_factory=deque)
    number: int = 0
    last: str = ""

    def mark(self, kind: str = "") -> int:
        self.number += 1
        for name in NAMES:
            self.pipes[name] += f"\x1e{NONCE}:{self.number}{kind}\x1f".encode()
        return self.number

    def write(self, name: str, data: bytes) -> None:
        if self.last not in ("", name):
            self.mark()
        self.last = name
        self.pipes[name] += data

    def send(self, message: Message) -> None:
        self.frames.append(Frame(content=message, n=self.mark("m"), run="r"))


def play(steps: list[tuple[Name, str] | Message]) -> Program:
    program = Program()
    for step in steps:
        if isinstance(step, Message):
            program.send(step)
        else:
            program.write(step[0], step[1].encode())
    return program


def joined(steps: list[tuple[Name, str] | Message]) -> list[tuple[str, str] | Message]:
    """The steps, neighbouring text made one."""
    result: list[tuple[str, str] | Message] = []
    for step in steps:
        if not isinstance(step, Message) and result and isinstance(result[-1], tuple) and result[-1][0] == step[0]:
            result[-1] = (step[0], result[-1][1] + step[1])
        else:
            result.append(step)
    return result


def told(frames: list[Frame]) -> list[tuple[str, str] | Message]:
    return joined([(f.content.name, f.content.text) if isinstance(f.content, Stream) else f.content for f in frames])


def arrive(order: OutputOrder, program: Program, draw: st.DataObject) -> list[Frame]:
    """Feed it all, in pieces of any size from any side, as far as the order wants it."""
    result: list[Frame] = []
    while True:
        sides: list[str] = [name for name in NAMES if program.pipes[name] and order.wants_text(name)]
        if program.frames and order.wants_frames:
            sides.append("frames")
        if not sides:
            return result
        side = draw.draw(st.sampled_from(sides))
        if side == "frames":
            result += order.feed_frames([program.frames.popleft()])
        else:
            size = draw.draw(st.integers(1, 40))
            name: Name = "stdout" if side == "stdout" else "stderr"
            result += order.feed_text(name, bytes(program.pipes[side][:size]))
            del program.pipes[side][:size]


@given(steps=PROGRAMS, draw=st.data())
def test_any_program_in_any_pieces_is_told_in_its_order(
    steps: list[tuple[Name, str] | Message], draw: st.DataObject
) -> None:
    program = play(steps)
    order = OutputOrder(NONCE)
    got = arrive(order, program, draw)
    assert not program.frames
    assert not any(program.pipes.values()), "something was never wanted"
    got += order.finish()
    assert told(got) == joined(steps)


@given(steps=PROGRAMS, draw=st.data())
def test_all_that_is_before_a_reply_is_told_before_it(
    steps: list[tuple[Name, str] | Message], draw: st.DataObject
) -> None:
    """Without `finish`: a session goes on after a reply."""
    wanted = [*steps, ExecuteReply("ok", 2)]
    assert told(arrive(OutputOrder(NONCE), play(wanted), draw)) == joined(wanted)


BYTES = st.binary(max_size=40) | st.sampled_from(
    [f"\x1e{NONCE}:{number}{kind}\x1f".encode() for number in (1, 2, 3, 10**14) for kind in ("", "m", "x")]
)


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), BYTES)
        | st.builds(Frame, content=MESSAGES, n=st.integers(0, 5) | st.just(10**14)),
        max_size=40,
    )
)
def test_forged_marks_neither_raise_nor_lose_a_message(feeds: list[tuple[Name, bytes] | Frame]) -> None:
    order = OutputOrder(NONCE)
    got: list[Frame] = []
    for feed in feeds:
        if isinstance(feed, Frame):
            got += order.feed_frames([feed])
        else:
            got += order.feed_text(*feed)
    got += order.finish()
    sent = [feed for feed in feeds if isinstance(feed, Frame)]
    assert [frame for frame in got if not isinstance(frame.content, Stream)] == sent


@given(st.lists(st.binary(max_size=9), max_size=9))
@example([b"\xf0\x9f", b"\x98\x80"])
@example([b"\xff\x00\xc3"])
def test_bytes_that_are_not_utf8_are_replaced_wherever_they_are_cut(pieces: list[bytes]) -> None:
    order = OutputOrder(NONCE)
    got: list[Frame] = []
    for piece in filter(None, pieces):
        got += order.feed_text("stdout", piece)
    got += order.finish()
    assert "".join(f.content.text for f in got if isinstance(f.content, Stream)) == b"".join(pieces).decode(
        "utf-8", "replace"
    )


def test_a_mark_waits_for_the_other_pipe() -> None:
    order = OutputOrder(NONCE)
    mark = f"\x1e{NONCE}:1\x1f".encode()
    assert order.feed_text("stderr", mark + b"later") == []
    assert not order.wants_text("stderr")
    assert told(order.feed_text("stdout", b"first" + mark)) == [("stdout", "first"), ("stderr", "later")]


def test_a_pipe_that_has_ended_is_not_waited_for() -> None:
    order = OutputOrder(NONCE)
    order.feed_text("stdout", b"")
    message = Frame(content=ClearOutput(), n=1, run="r")
    assert order.feed_frames([message]) == []
    assert order.feed_text("stderr", f"\x1e{NONCE}:1m\x1f".encode()) == [message]


def test_text_after_a_run_belongs_to_it() -> None:
    order = OutputOrder(NONCE)
    marked = f"\x1e{NONCE}:1m\x1f".encode()
    order.feed_text("stderr", marked)
    order.feed_frames([Frame(content=ExecuteReply("ok", 1), n=1, run="r7")])
    assert [frame.run for frame in order.feed_text("stdout", marked + b"late")][-1] == "r7"


def test_a_forged_mark_of_a_message_stops_only_until_the_next_message() -> None:
    order = OutputOrder(NONCE)
    forged = f"\x1e{NONCE}:1m\x1f".encode()
    order.feed_text("stdout", forged + b"a")
    assert order.feed_text("stderr", forged + b"b") == []
    real = Frame(content=ClearOutput(), n=1, run="r")
    assert real in order.feed_frames([real])
