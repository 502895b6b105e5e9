from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from sagews.remotelog import HumanFormatter, JsonFormatter, configure

log = logging.getLogger("sagews.test")


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_line_has_the_event_and_its_fields() -> None:
    stream = io.StringIO()
    configure("info", "auto", stream)
    log.info("Session forked", extra={"action": "session_forked", "session": "s1", "what": object, "line": "a\nb"})
    log.debug("not shown")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["name"], entry["event"]) == ("info", "sagews.test", "Session forked")
    assert (entry["action"], entry["session"], entry["line"]) == ("session_forked", "s1", "a\nb")
    assert entry["time"].endswith("+00:00")


def test_configuring_again_replaces_the_stream() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure("info", "json", first)
    configure("debug", "human", second)
    log.debug("Ping", extra={"peer": "w1"})
    assert first.getvalue() == ""
    assert second.getvalue().endswith(" Ping  peer=w1\n")


def test_human_line_cannot_steer_a_terminal() -> None:
    record = logging.makeLogRecord({"msg": "Signed in", "account": "eve\x1b[2J\n12:00:00 Signed in", "levelno": 20})
    line = HumanFormatter().format(record)
    assert line.isprintable()
    assert "account=eve\\x1b[2J\\x0a12:00:00" in line


@pytest.mark.parametrize("formatter", [JsonFormatter(), HumanFormatter()])
def test_traceback_is_kept(formatter: logging.Formatter) -> None:
    try:
        raise ZeroDivisionError("what happened\x1b[2J")
    except ZeroDivisionError as error:
        record = logging.makeLogRecord(
            {"msg": "Failed", "levelno": 40, "exc_info": (type(error), error, error.__traceback__)}
        )
    text = formatter.format(record)
    assert "ZeroDivisionError: what happened" in text
    assert "\x1b" not in text
