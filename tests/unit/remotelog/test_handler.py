"""Promise: a log call keeps its record or counts it, and raises nothing, whatever is logged."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagews.remotelog import RemoteHandler, Spool
from sagews.remotelog.record import MAXIMUM_BYTES, record_line

LARGE = 10**6


class Nasty:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters()),
        st.binary(),
        st.builds(Nasty),
        st.text(max_size=3).map(lambda text: text * 100_000),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.one_of(st.text(), st.integers(), st.none()), inner)),
    max_leaves=5,
)


@given(VALUES, VALUES, st.lists(VALUES, max_size=2), st.text(st.characters()))
def test_whatever_is_logged_becomes_one_line(message: Any, value: Any, arguments: list[Any], field: str) -> None:
    record = logging.makeLogRecord({"name": "x", "levelno": 20, "msg": message, "args": tuple(arguments)})
    record.__dict__["field_" + field] = value
    line = record_line(record, 7)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= MAXIMUM_BYTES
    assert json.loads(line)["n"] == 7


def entries(spool: Spool) -> list[dict[str, Any]]:
    """What is in the spool."""
    return [json.loads(line) for one in spool.segments for line in one.path.read_bytes().splitlines()]


@pytest.fixture
def log() -> logging.Logger:
    log = logging.Logger("sagews.test")  # noqa: LOG001 - of this test alone
    log.propagate = False
    return log


def test_a_record_has_its_number_and_fields(tmp_path: Path, log: logging.Logger) -> None:
    spool = Spool(tmp_path, LARGE)
    log.addHandler(RemoteHandler(spool))
    log.info("Session %s", "forked", extra={"session": "s1"})
    log.warning("Again")
    first, second = entries(spool)
    assert (first["n"], first["level"], first["event"]) == (1, 20, "Session forked")
    assert first["fields"] == {"session": "s1"}
    assert (second["n"], second["level"], second["fields"]) == (2, 30, {})
    spool.close()


def test_what_is_dropped_is_counted_and_said(tmp_path: Path, log: logging.Logger) -> None:
    spool = Spool(tmp_path, 200_000)
    handler = RemoteHandler(spool)
    log.addHandler(handler)
    for number in range(300):
        log.info("x" * 1000, extra={"number": number})
    assert 0 < handler.dropped < 300
    *kept, said = entries(spool)
    assert said["event"] == "Log spool is full; records are dropped"
    assert [one["fields"]["number"] for one in kept] == list(range(300 - handler.dropped))
    while len(spool.segments) > 1:
        spool.discard(spool.segments[0])
    log.info("room again")
    *_, told, last = entries(spool)
    assert (told["event"], told["fields"]["dropped"]) == ("Log records dropped", handler.dropped)
    assert last["event"] == "room again"
    spool.close()


def test_each_number_is_of_one_record_and_just_those_that_were_dropped_are_missing(
    tmp_path: Path, log: logging.Logger
) -> None:
    spool = Spool(tmp_path, 200_000)
    handler = RemoteHandler(spool)
    log.addHandler(handler)
    numbers: list[int] = []
    for _ in range(3):
        for _ in range(300):
            log.info("x" * 1000)
        while len(spool.segments) > 1:
            numbers += taken(spool)
    log.info("room again")
    spool.end()
    while spool.segments:
        numbers += taken(spool)
    assert handler.dropped > 0
    assert len(numbers) == len(set(numbers))
    assert len(set(range(1, max(numbers) + 1)) - set(numbers)) == handler.dropped
    spool.close()


def taken(spool: Spool) -> list[int]:
    """The numbers of the records in the oldest file, which is discarded."""
    oldest = spool.segments[0]
    numbers = [json.loads(line)["n"] for line in oldest.path.read_bytes().splitlines()]
    spool.discard(oldest)
    return numbers


def test_a_forked_child_leaves_the_spool_alone(tmp_path: Path, log: logging.Logger) -> None:
    spool = Spool(tmp_path, LARGE)
    log.addHandler(RemoteHandler(spool))
    log.info("parent")
    child = os.fork()
    if child == 0:
        log.info("child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    log.info("parent")
    assert [(one["n"], one["event"]) for one in entries(spool)] == [(1, "parent"), (2, "parent")]
    spool.close()
