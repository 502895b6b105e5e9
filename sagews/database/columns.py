"""Column types that hold the same values on SQLite and PostgreSQL.

Invariant: what is written comes back equal, on both. Rows are written only through these types, so
this is the one place where text that PostgreSQL cannot hold is escaped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

ESCAPE = "\x1a"
"""Begins an escape. U+001A SUBSTITUTE: hardly anybody writes it, so stored text stays readable."""

_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")

_Choices = TypeVar("_Choices", bound=StrEnum)


def escape(text: str) -> str:
    """Replace what the databases cannot hold in text: NUL (PostgreSQL), lone surrogates (UTF-8).

    Each becomes ``ESCAPE`` and four hexadecimal digits, and so does ``ESCAPE`` itself: different texts stay
    different, so that comparing for equality is right in the database too.
    """
    if text.isprintable():  # nearly all is; none of these characters is
        return text
    return _UNSTORABLE.sub(lambda match: f"{ESCAPE}{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """Undo :func:`escape`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if ESCAPE in text else text


class AnyText(TypeDecorator[str]):
    """Any Python string, also with NUL or lone surrogates in it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else escape(str(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else unescape(value)


class Choice(TypeDecorator[_Choices], Generic[_Choices]):
    """One of the values of a ``StrEnum``, stored as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[_Choices]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: _Choices | None, dialect: Dialect) -> str | None:
        return None if value is None else self.choices(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> _Choices | None:
        return None if value is None else self.choices(value)


class Moment(TypeDecorator[datetime]):
    """A point in time, in UTC to the microsecond. Values without a time zone are refused with ``ValueError``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        utc = value.astimezone(UTC)
        # SQLite has no time zones: it stores the text of what it is given, which is always UTC here.
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)
