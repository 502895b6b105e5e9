"""Lines of a batch to records of the database. Pure.

Invariant: no line stops another one. One that cannot be read or stored as it is becomes a record that says so, in its
place, wherever it has a number; only one without a number is left out, and counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from sagews.database.log import NewRecord

ROW_BYTES = 200
"""Of a row, besides what its line has; roughly, with its share of the indexes."""
SHOWN_CHARACTERS = 1000
WARNING = 30
LARGEST_N = 2**63 - 1


@dataclass(frozen=True)
class Sender:
    """Whose lines they are. The component is what the certificate says, the rest what it says of itself."""

    component: str
    instance: int
    host: str
    process: str


@dataclass(frozen=True)
class Taken:
    """What a batch contains."""

    records: tuple[NewRecord, ...]
    refused: int = 0
    """Of the records, those that only say that they could not be read."""
    lost: int = 0
    """Lines without a number."""


def take(sender: Sender, lines: bytes, now: datetime) -> Taken:
    """Read every line of a batch."""
    records, refused, lost = [], 0, 0
    for line in lines.split(b"\n"):
        if not line:
            continue
        entry = _entry(line)
        number = entry.get("n")
        if type(number) is not int or not 0 < number <= LARGEST_N:
            lost += 1
            continue
        try:
            records.append(_record(sender, number, entry, len(line)))
        except (ValueError, TypeError, KeyError, OverflowError, OSError) as error:
            refused += 1
            reason = f"{type(error).__name__}: {error}"
            records.append(set_apart(_empty(sender, number, now), reason, line.decode("utf-8", "replace")))
    return Taken(tuple(records), refused, lost)


def set_apart(record: NewRecord, reason: str, shown: str = "") -> NewRecord:
    """What is stored in the place of a record that the database does not take."""
    said = ascii((shown or f"{record.name}: {record.event}")[:SHOWN_CHARACTERS])
    fields = {"action": "log_record_refused", "reason": ascii(reason[:SHOWN_CHARACTERS]), "record": said}
    sender = Sender(record.component, record.instance, record.host, record.process)
    return replace(_empty(sender, record.n, record.at), fields=fields)


def _empty(sender: Sender, number: int, at: datetime) -> NewRecord:
    event, size = "Log record refused", 2 * ROW_BYTES
    return NewRecord(**vars(sender), n=number, at=at, level=WARNING, name=__name__, event=event, size_bytes=size)


def _entry(line: bytes) -> Mapping[str, Any]:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            # Lone surrogates, which orjson does not read.
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return {}
    return entry if isinstance(entry, dict) else {}


def _record(sender: Sender, number: int, entry: Mapping[str, Any], size: int) -> NewRecord:
    fields = entry.get("fields", {})
    if not isinstance(fields, dict):
        raise TypeError("fields are no object")
    level = entry["level"]
    if type(level) is not int or not -(2**31) < level < 2**31:
        raise ValueError("the level is no number")
    return NewRecord(
        **vars(sender),
        n=number,
        at=datetime.fromtimestamp(_finite(entry["time"]), UTC),
        level=level,
        name=_text(entry["name"]),
        event=_text(entry["event"]),
        workspace=_short(fields.get("workspace")),
        account=_short(fields.get("account")),
        fields=fields,
        traceback=_text(entry["traceback"]) if "traceback" in entry else None,
        size_bytes=size + ROW_BYTES,
    )


def _finite(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("the time is no number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value


def _short(value: Any) -> str | None:
    """For columns with an index: what an id can be, else nothing (the field itself is kept)."""
    return value if isinstance(value, str) and 0 < len(value) <= 200 else None
