"""One log record as one line of JSON: what stands in the spool and travels to the log server.

Invariant: whatever a program logs, this returns a line: with values that JSON does not have, with lone surrogates,
with objects whose `__str__` raises, of any size. A line is valid JSON in UTF-8 and has at most `MAXIMUM_BYTES`.

::

    {"n": 17, "time": 1767268800.25, "level": 20, "name": "sagews.worker.server", "event": "Session forked",
     "fields": {"action": "session_forked", "session": "s1"}, "traceback": "..."}
"""

from __future__ import annotations

import json
import logging
from typing import Any

import orjson

from sagews.remotelog.lines import PLAIN

MAXIMUM_BYTES = 64 * 1024
"""Of one line; of a longer one, the ends are kept that say most."""

EVENT_CHARACTERS = 4000
TRACEBACK_CHARACTERS = 8000
"""Of a record that was too long: its traceback's two ends, its event's beginning. (A character has up to six bytes.)"""

KEPT_FIELDS = ("action", "workspace", "account", "session")

_FORMATTER = logging.Formatter()


def record_line(record: logging.LogRecord, n: int) -> bytes:
    """The record as a line, with its number in this process."""
    args = record.args
    entry: dict[str, Any] = {
        "n": n,
        "time": record.created,
        "level": record.levelno,
        "name": record.name,
        "event": record.msg if not args and type(record.msg) is str else _message(record),
        "fields": {name: value for name, value in record.__dict__.items() if name not in PLAIN},
    }
    if record.exc_info and record.exc_info[0] is not None:
        entry["traceback"] = _traceback(record)
    line = _line(entry)
    return line if len(line) <= MAXIMUM_BYTES else _line(_shortened(entry, len(line)))


def _line(entry: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(entry, default=text_of, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, RecursionError):
        # Lone surrogates, too large integers, circles: everything as text, ASCII only.
        entry["fields"] = {text_of(name): text_of(value) for name, value in entry["fields"].items()}
        return json.dumps(entry, default=text_of).encode("ascii") + b"\n"


def text_of(value: object) -> str:
    """The value as text, whatever it is."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - any code may run in a `__str__`, and logging goes on
        return f"<a {type(value).__name__} that has no text>"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - wrong arguments of a log call; what was meant is still worth keeping
        return f"{text_of(record.msg)} {text_of(record.args)}"


def _traceback(record: logging.LogRecord) -> str:
    try:
        return record.exc_text or _FORMATTER.formatException(record.exc_info)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - an exception whose `__str__` raises
        return f"(a traceback that cannot be written: {type(error).__name__})"


def _shortened(entry: dict[str, Any], size: int) -> dict[str, Any]:
    """What is kept of a record that is too long."""
    fields = entry["fields"]
    kept = {name: text_of(fields[name])[:200] for name in KEPT_FIELDS if name in fields}
    short = entry | {"event": entry["event"][:EVENT_CHARACTERS], "fields": kept | {"record_bytes": size}}
    short["name"] = entry["name"][:200]
    if "traceback" in short:
        trace, half = short["traceback"], TRACEBACK_CHARACTERS // 2
        short["traceback"] = trace if len(trace) <= 2 * half else f"{trace[:half]}\n...\n{trace[-half:]}"
    return short
