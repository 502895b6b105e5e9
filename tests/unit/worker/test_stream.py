"""Numbered events, replay and subscribers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagews.errors import MessageError
from sagews.messages import Decoder, Frame
from sagews.messages.connection import Refused
from sagews.messages.jupyter import DisplayData, Stream
from sagews.messages.records import DocumentState, Snapshot
from sagews.messages.workspace import Attached
from sagews.worker.fair_sender import FairSender
from sagews.worker.stream import NumberedStream, Subscriber


def attached(stream: NumberedStream) -> Frame:
    return Frame(content=Attached("snapshot"), n=stream.last, epoch=stream.epoch, channel=5)


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 20))
def test_a_subscriber_misses_nothing_that_no_snapshot_covers(takes: list[int], maximum: int) -> None:
    """It takes so many frames after each event; what it knows is always everything up to its cursor."""
    stream = NumberedStream("w", 1, maximum, 10**6)
    subscriber = Subscriber(stream, 5, lambda: attached(stream))
    known, decoder = 0, Decoder()
    for number, take in enumerate([*takes, 1000]):
        stream.append(Stream("stdout", str(number)))
        for _ in range(take):
            data = subscriber.next()
            if data is None:
                assert known == stream.last
                break
            (frame,) = decoder.feed(data)
            assert frame.channel == 5
            if isinstance(frame.content, Attached):
                assert frame.n > known
            else:
                assert frame.n == known + 1
            known = frame.n
    assert known == stream.last


@given(st.lists(st.text(max_size=50), max_size=50), st.integers(100, 2000))
def test_the_buffer_is_bounded_in_bytes(texts: list[str], maximum: int) -> None:
    stream = NumberedStream("w", 1, 1000, maximum)
    for text in texts:
        stream.append(Stream("stdout", text))
        assert stream.kept_bytes <= maximum or stream.has_all_after(stream.last - 1)
        assert not stream.has_all_after(stream.last + 1)


class Counted:
    """A source of so many pieces of ten bytes."""

    def __init__(self, name: bytes, pieces: int) -> None:
        self.name, self.left = name, pieces

    def next(self) -> bytes | None:
        if not self.left:
            return None
        self.left -= 1
        return self.name * 10


def test_a_flood_does_not_starve_another_workspace() -> None:
    written: list[bytes] = []
    sender = FairSender(written.append, lambda: len(written) < 4, 50)
    sender.wake("flood", Counted(b"f", 10**6))
    sender.wake("quiet", Counted(b"q", 1))
    sender.pump()
    assert [data[:1] for data in written] == [b"f", b"q", b"f", b"f"]
    assert max(map(len, written)) == 50


def test_sources_of_one_workspace_take_turns_and_a_dropped_one_is_not_asked() -> None:
    written: list[bytes] = []
    sender = FairSender(written.append, lambda: not written, 40)
    one, two, three = Counted(b"1", 9), Counted(b"2", 9), Counted(b"3", 9)
    for source in (one, two, three):
        sender.wake("w", source)
    sender.drop("w", three)
    sender.pump()
    assert written == [b"1" * 10 + b"2" * 10 + b"1" * 10 + b"2" * 10]


def test_an_event_that_cannot_be_sent_has_no_number() -> None:
    stream = NumberedStream("w", 1, 10, 10**6)
    subscriber = Subscriber(stream, 5, lambda: attached(stream))
    stream.append(Stream("stdout", "a"))
    with pytest.raises(MessageError):
        stream.append(DisplayData({"application/json": float("inf")}))
    assert stream.append(Stream("stdout", "b")) == 2
    data = b"".join(iter(subscriber.next, None))
    assert [frame.n for frame in Decoder().feed(data)] == [1, 2]


def test_a_snapshot_that_is_too_large_is_refused_and_nothing_follows() -> None:
    stream = NumberedStream("w", 1, 2, 10**6)
    huge = Frame(content=Attached("snapshot", Snapshot((DocumentState("d", "a", bytes(50 * 2**20)),))), n=9, channel=5)
    subscriber = Subscriber(stream, 5, lambda: huge)
    woken: list[Subscriber] = []
    stream.subscribe(subscriber, woken.append)
    for number in range(9):
        stream.append(Stream("stdout", str(number)))
    [frame] = Decoder().feed(subscriber.next() or b"")
    assert isinstance(frame.content, Refused)
    assert (frame.content.code, frame.content.refused, frame.channel) == ("too_large", "attach", 5)
    woken.clear()
    stream.append(Stream("stdout", "later"))
    assert woken == []
