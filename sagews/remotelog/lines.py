"""What our programs say: one event a line, with its fields.

On a terminal a line for people, elsewhere one JSON object a line (``time``, ``level``, ``name``, ``event`` and the
fields given as ``extra``). Writing a log line never raises into the program that logs.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; everything else on one is a field of the event."""

CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)]}
"""Control characters, as they are shown on a terminal: user's text in a log must not steer it."""


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields given to a record as ``extra``."""
    return {name: value for name, value in vars(record).items() if name not in PLAIN}


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a value that JSON does not have is written as text."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "name": record.name,
            "event": record.getMessage(),
        }
        entry |= {name: value for name, value in fields_of(record).items() if name not in entry}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class HumanFormatter(logging.Formatter):
    """One line for people; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level where it matters, event, fields."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
        fields = "".join(f"  {name}={value}" for name, value in fields_of(record).items() if name != "action")
        line = f"{time} {level}{record.getMessage()}{fields}"
        lines = [line, *(self.formatException(record.exc_info).splitlines() if record.exc_info else ())]
        return "\n".join(text.translate(CONTROL) for text in lines)
