"""The decoder: any chunking, any bytes, never more memory than its limit."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagews.errors import MessageError, TooLarge
from sagews.messages import Decoder, Frame, encode
from sagews.messages.connection import Ping
from sagews.messages.files import FilePiece
from sagews.messages.frame import Malformed
from sagews.messages.framing import LENGTH
from sagews.messages.jupyter import DisplayData, Stream

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
contents = st.one_of(
    st.just(Ping()),
    st.builds(Stream, st.sampled_from(["stdout", "stderr"]), st.text()),
    st.builds(DisplayData, st.dictionaries(st.text(), json_values, max_size=3)),
    st.builds(FilePiece, st.integers(0, 2**50), st.booleans()),
)
frames = st.builds(
    Frame,
    content=contents,
    workspace=st.text(),
    n=st.integers(0, 2**53 - 1),
    run=st.text(),
    payload=st.binary(max_size=50),
)


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(st.lists(frames, max_size=5), st.lists(st.integers(0, 10_000), max_size=20))
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(sent: list[Frame], cuts: list[int]) -> None:
    decoder = Decoder()
    data = b"".join(map(encode, sent))
    assert [frame for piece in _cut(data, cuts) for frame in decoder.feed(piece)] == sent


@given(st.lists(st.binary(max_size=64), max_size=10))
def test_random_bytes_raise_nothing_but_message_errors(pieces: list[bytes]) -> None:
    decoder = Decoder(maximum_bytes=1000)
    _feed_all(decoder, pieces)


@given(
    st.lists(
        json_values | st.dictionaries(st.sampled_from(["type", "n", "content", "payload"]), json_values), max_size=4
    )
)
def test_random_json_raises_nothing_but_message_errors(values: list[object]) -> None:
    texts = [json.dumps(value).encode() for value in values]
    _feed_all(Decoder(maximum_bytes=1000), [LENGTH.pack(len(text)) + text for text in texts])


def _feed_all(decoder: Decoder, pieces: list[bytes]) -> None:
    for piece in pieces:
        try:
            decoder.feed(piece)
        except MessageError as error:
            assert error.what  # noqa: PT017 - any piece may or may not raise
        assert decoder.held_bytes <= 1000 + LENGTH.size + len(piece)


def test_a_header_that_announces_too_much_is_refused_before_it_is_sent() -> None:
    decoder = Decoder(maximum_bytes=1000)
    with pytest.raises(TooLarge, match="1001 bytes"):
        decoder.feed(LENGTH.pack(1001))


def test_a_payload_that_announces_too_much_is_refused_before_it_is_sent() -> None:
    header = b'{"type":"file_piece","content":{"offset":0},"payload":1001}'
    with pytest.raises(TooLarge, match="payload of 1001 bytes"):
        Decoder(maximum_bytes=1000).feed(LENGTH.pack(len(header)) + header)


def test_after_a_framing_error_everything_is_refused() -> None:
    decoder = Decoder(maximum_bytes=1000)
    with pytest.raises(MessageError):
        decoder.feed(LENGTH.pack(3) + b"}{}")
    with pytest.raises(MessageError, match="not JSON"):
        decoder.feed(encode(Frame(content=Ping())))


def test_an_unknown_type_does_not_end_the_connection() -> None:
    header = b'{"type":"launch_rockets","request":5}'
    bad, good = Decoder().feed(LENGTH.pack(len(header)) + header + encode(Frame(content=Ping())))
    assert isinstance(bad.content, Malformed)
    assert bad.request == 5
    assert "launch_rockets" in bad.content.error.what
    assert good.content == Ping()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(MessageError, match="not JSON"):
        Decoder().feed(LENGTH.pack(len(text)) + text.encode())


def test_too_large_a_frame_is_not_written() -> None:
    with pytest.raises(TooLarge, match="stream"):
        encode(Frame(content=Stream("stdout", "x" * 2000)), maximum_bytes=1000)


def test_nothing_that_json_cannot_hold_is_written() -> None:
    with pytest.raises(MessageError, match="display_data"):
        encode(Frame(content=DisplayData({"a": float("nan")})))


def test_lone_surrogates_pass() -> None:
    frame = Frame(content=Stream("stdout", "\ud800"))
    assert Decoder().feed(encode(frame)) == [frame]


@pytest.mark.parametrize("name", ["workspace", "n"])
def test_unknown_fields_of_a_newer_version_are_ignored(name: str) -> None:
    header = json.dumps({"type": "ping", "newer": 1, "content": {"newest": [name]}}).encode()
    assert Decoder().feed(LENGTH.pack(len(header)) + header) == [Frame(content=Ping())]


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_that_none_can_hold_is_refused(number: str) -> None:
    """Read as infinity it could not be sent on: JSON has no word for that."""
    text = b'{"type": "comm_msg", "content": {"comm_id": "c", "data": {"x": %b}}}' % number.encode()
    with pytest.raises(MessageError, match="too large a number"):
        Decoder().feed(len(text).to_bytes(4, "big") + text)
