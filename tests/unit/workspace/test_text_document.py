"""Shared texts: files in and out, edits of several people, changes of the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from sagews.errors import MessageError, TooLarge, UsageError
from sagews.workspace import text_document as texts
from sagews.workspace.shared_document import EMPTY_UPDATE
from sagews.workspace.text_document import PlainText, TextDocument


@pytest.mark.parametrize(
    "data", [b"", b"one", b"one\ntwo\n", b"one\r\ntwo\r\n", "\ufeffBOM é 🧶\u2028x\n".encode(), b"\x1b[31m\f\v\n"]
)
def test_a_file_that_nobody_edits_is_written_as_it_was(data: bytes) -> None:
    document = TextDocument.from_text(texts.read(data))
    assert texts.write(TextDocument(document.state()).content) == data


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xff\xfe", UsageError),
        (b"a\0b", UsageError),
        (b"one\r\ntwo\n", UsageError),
        (b"one\rtwo", UsageError),
        (b"x" * (2**21 + 1), TooLarge),
    ],
)
def test_what_would_not_come_back_as_it_was_is_not_edited(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        texts.read(data)


def test_edits_of_two_people_merge() -> None:
    shared = TextDocument.from_text(PlainText("one\ntwo\n"))
    theirs: Doc[Text] = Doc()
    theirs.apply_update(shared.state())
    before = theirs.get_state()
    theirs.get("text", type=Text).insert(0, "zero\n")
    mine = shared.edit(PlainText("one\ntwo\nthree\n"))
    shared.apply(theirs.get_update(before))
    theirs.apply_update(mine)
    assert shared.content.text == str(theirs.get("text", type=Text)) == "zero\none\ntwo\nthree\n"


def test_what_a_program_wrote_is_an_edit_that_keeps_others() -> None:
    rest = "c\n" * 1000
    document = TextDocument.from_text(PlainText(f"a\nb\n{rest}"))
    assert document.edit(PlainText(f"a\nb\n{rest}")) == EMPTY_UPDATE
    update = document.edit(PlainText(f"a\nB\n{rest}", "\r\n"))
    assert document.content == PlainText(f"a\nB\n{rest}", "\r\n")
    assert len(update) < 100


def test_an_update_that_is_none_changes_nothing() -> None:
    document = TextDocument.from_text(PlainText("a"))
    with pytest.raises(MessageError):
        document.apply(b"no update")
    assert document.content == PlainText("a")


def test_a_long_text_that_is_all_different_is_replaced() -> None:
    document = TextDocument.from_text(PlainText("".join(f"{n}\n" for n in range(5000))))
    wanted = PlainText("".join(f"x{n}\n" for n in range(5000)))
    document.edit(wanted)
    assert document.content == wanted


TEXTS = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=60)


@given(TEXTS, TEXTS)
def test_a_text_becomes_any_other(one: str, two: str) -> None:
    document = TextDocument.from_text(PlainText(one))
    copy = TextDocument(document.state())
    copy.apply(document.edit(PlainText(two)))
    assert document.content.text == copy.content.text == two
