"""TextDocument: the shared document of a text file that is no worksheet: one Yjs text. Pure: updates in, updates out.

Invariant: the shared text has line feeds only, as editors count positions in it; how the file ends its lines is kept
beside it, so that a file that nobody edits is written as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pycrdt import Map, Text

from sagews.errors import TooLarge, UsageError
from sagews.messages.sizes import in_binary_units
from sagews.workspace.shared_document import EMPTY_UPDATE, SharedDocument
from sagews.workspace.text_edit import edit_text

LARGEST_TEXT_BYTES = 2 * 2**20
LARGEST_TEXT = in_binary_units(LARGEST_TEXT_BYTES)
LineEnd = Literal["\n", "\r\n"]


@dataclass(frozen=True)
class PlainText:
    """What is in a text file; `text` has line feeds only."""

    text: str = ""
    line_end: LineEnd = "\n"


def read(data: bytes) -> PlainText:
    """The text in a file (UTF-8).

    :raises UsageError: where it is no text, or mixes ends of lines, which no editor would keep; TooLarge: too much.
    """
    if len(data) > LARGEST_TEXT_BYTES:
        raise TooLarge(
            f"This file has {in_binary_units(len(data))}; {LARGEST_TEXT} of text are edited here.",
            mend="Download it, or edit it in a session.",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("This file is no text (in UTF-8).", mend="Download it to look at it.") from error
    if "\0" in text:
        raise UsageError("This file is no text: it has zero bytes in it.", mend="Download it to look at it.")
    plain = text.replace("\r\n", "\n")
    if "\r" in plain or ("\r\n" in text and plain.count("\n") != text.count("\r\n")):
        raise UsageError(
            "This file mixes ends of lines, which editing would change.", mend="Download it, or edit it in a session."
        )
    return PlainText(plain, "\r\n" if "\r\n" in text else "\n")


def write(content: PlainText) -> bytes:
    """The bytes of a file with this text."""
    return content.text.replace("\r", "").replace("\n", content.line_end).encode("utf-8", "replace")


class TextDocument(SharedDocument):
    """One live text."""

    def _empty(self) -> None:
        super()._empty()
        self._text: Text = self._doc.get("text", type=Text)
        self._about: Map[Any] = self._doc.get("about", type=Map)

    @classmethod
    def from_text(cls, content: PlainText) -> TextDocument:
        """A new document with this content. Two of the same text do not merge: seed only once."""
        document = cls()
        document.edit(content)
        return document

    @property
    def content(self) -> PlainText:
        """What is in it now."""
        return PlainText(str(self._text), "\r\n" if self._about.get("line_end") == "\r\n" else "\n")

    def edit(self, content: PlainText) -> bytes:
        """Make its text that of `content`, changing as little as possible.

        :returns: the update that does it elsewhere; `EMPTY_UPDATE` where nothing differs.
        """
        updates: list[bytes] = []
        subscription = self._doc.observe(lambda event: updates.append(event.update))
        now = self.content
        with self._doc.transaction():
            if now.text != content.text:
                edit_text(self._text, now.text, content.text)
            if now.line_end != content.line_end:
                self._about["line_end"] = content.line_end
        self._doc.unobserve(subscription)
        for update in updates:
            self._remember(update)
        return updates[0] if updates else EMPTY_UPDATE
