"""Log records as `sagews log` prints them: lines for people, or one JSON object a line."""

from __future__ import annotations

import json
from datetime import UTC

from sagews.admin.log_query import level_name
from sagews.database.log import LogRecord
from sagews.remotelog import CONTROL

COLOURS = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}
"""Select Graphic Rendition (ECMA-48, 8.3.117), by level."""
LEFT_OUT = ("action",)
"""Fields that say the same as the event."""


def json_line(record: LogRecord) -> str:
    """The record as one JSON object, ASCII only."""
    entry = {
        "time": record.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "component": f"{record.component}:{record.instance}",
        "host": record.host,
        "level": level_name(record.level),
        "name": record.name,
        "event": record.event,
        "fields": record.fields,
        "process": record.process,
        "n": record.n,
    }
    if record.traceback is not None:
        entry["traceback"] = record.traceback
    return json.dumps(entry)


def human_lines(record: LogRecord, *, coloured: bool) -> str:
    """Local time, component, level, event, fields; below them the traceback. Safe to show on a terminal."""
    time = record.at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    level = level_name(record.level)
    fields = "".join(f"  {name}={_text(value)}" for name, value in record.fields.items() if name not in LEFT_OUT)
    head = f"{time} {f'{record.component}:{record.instance}':<14} {level:<8}".translate(CONTROL)
    lines = [f"{head} {record.event}{fields}", *(record.traceback or "").splitlines()]
    safe = [line.translate(CONTROL) for line in lines]
    colour = COLOURS.get(level) if coloured else None
    return "\n".join(f"\x1b[{colour}m{line}\x1b[0m" if colour else line for line in safe)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
