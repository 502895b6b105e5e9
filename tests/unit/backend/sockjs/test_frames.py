"""Frames: what is escaped, and what is no message."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagews.backend.sockjs import frames
from sagews.errors import MessageError

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text(st.characters(categories=["Cs", "Cc", "Cf"]))


def as_javascript_sees(text: str) -> bytes:
    """UTF-16: a character beyond U+FFFF and its two surrogates are the same there."""
    return text.encode("utf-16-le", "surrogatepass")


def test_messages_stand_in_one_frame() -> None:
    assert frames.messages_frame([frames.quote("a"), frames.quote('"b"')]) == b'a["a","\\"b\\""]'


def test_close_frame_has_code_and_reason() -> None:
    assert frames.close_frame(3000, "Go away!") == b'c[3000,"Go away!"]'


@pytest.mark.parametrize(
    ("first", "last"),
    [(0x0, 0x1F), (0x200C, 0x200F), (0x2028, 0x202F), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFFF0, 0xFFFF)],
)
def test_characters_that_browsers_mangle_are_escaped(first: int, last: int) -> None:
    text = "".join(map(chr, range(first, last + 1)))
    assert frames.quote(text).isascii()
    assert as_javascript_sees(json.loads(frames.quote(text))) == as_javascript_sees(text)


@pytest.mark.parametrize("text", ["é", "∫", "😀", "\u200b", "\u2070", "\uffef"])
def test_other_characters_go_as_they_are(text: str) -> None:
    assert frames.quote(text) == f'"{text}"'.encode()


@given(ANY_TEXT)
def test_any_text_survives_on_one_line(text: str) -> None:
    quoted = frames.quote(text)
    assert not set(b"\r\n") & set(quoted)
    assert as_javascript_sees(*frames.decode_messages(b"[" + quoted + b"]")) == as_javascript_sees(text)


@given(ANY_TEXT)
def test_script_string_cannot_leave_its_script(text: str) -> None:
    frame = frames.messages_frame([frames.quote(text)])
    script = frames.script_string(frame)
    assert b"<" not in script
    assert json.loads(script).encode() == frame


@pytest.mark.parametrize("payload", ['["a","b"]', b'["a","b"]', ' [ "a" , "b" ] '])
def test_array_is_messages(payload: str | bytes) -> None:
    assert frames.decode_messages(payload) == ["a", "b"]


def test_single_string_is_one_message() -> None:
    assert frames.decode_messages('"a"') == ["a"]


@pytest.mark.parametrize("payload", ["", b""])
def test_nothing_is_refused(payload: str | bytes) -> None:
    with pytest.raises(MessageError, match=r"Payload expected\."):
        frames.decode_messages(payload)


@given(st.binary(min_size=1) | st.text(min_size=1))
def test_anything_is_messages_or_refused(payload: str | bytes) -> None:
    try:
        messages = frames.decode_messages(payload)
    except MessageError:
        return
    assert all(isinstance(message, str) for message in messages)


@pytest.mark.parametrize("payload", ['["a', "[1]", "{}", "null", "1", '["a",null]', "[" * 100_000, "NaN", '"a" "b"'])
def test_other_json_is_refused(payload: str) -> None:
    with pytest.raises(MessageError, match=r"Broken JSON encoding\."):
        frames.decode_messages(payload)
