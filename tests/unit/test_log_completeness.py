"""Promise: the check of a site's log finds what is missing, twice, or printed only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tests.acceptance.log_completeness import LogCompleteness
from tests.acceptance.whole_site import WholeSite

Record = dict[str, Any]


class Site:
    """One whose database and files have these records."""

    def __init__(self, folder: Path, stored: Sequence[Record], printed: Sequence[Record]) -> None:
        self.folder = folder
        self._stored = stored
        (folder / "log").mkdir()
        lines = [json.dumps({"time": f"{one['time'][:23]}+00:00"} | _told(one)) for one in printed]
        (folder / "log" / "backend.0.log").write_text("\n".join(["It runs already.", *lines]))

    def sagews(self, *arguments: str) -> str:
        return "\n".join(map(json.dumps, self._stored))


def _told(record: Record) -> Record:
    return {"level": "info", "name": record["name"], "event": record["event"]}


def record(n: int, *, process: str = "p", **fields: object) -> Record:
    """Number n of a process."""
    time = f"2026-01-31T12:00:00.{n:03}456+00:00"
    named = {"component": "backend:0", "process": process, "name": "sagews", "event": "Said"}
    return {"n": n, "time": time, "fields": fields} | named


def found(folder: Path, stored: Sequence[Record], printed: Sequence[Record] = ()) -> LogCompleteness:
    return LogCompleteness.of(cast(WholeSite, Site(folder, stored, printed)))


def test_a_complete_log(tmp_path: Path) -> None:
    records = [record(1), record(2), record(1, process="q")]
    log = found(tmp_path, records, records)
    assert (log.records, log.processes, log.printed, log.dropped, log.wrong) == (3, 2, 3, 0, ())


def test_a_hole_is_found_unless_it_was_counted(tmp_path: Path) -> None:
    (wrong,) = found(tmp_path, [record(2), record(4)]).wrong
    assert wrong == "backend:0 p: 2 of 4 are missing ([1, 3]), 0 were counted as dropped"


def test_what_was_counted_as_dropped_is_accounted_for(tmp_path: Path) -> None:
    told = record(4, action="log_records_dropped", dropped=2)
    log = found(tmp_path, [record(1), told], [record(1), record(2), record(3)])
    assert (log.dropped, log.wrong) == (2, ())


def test_a_number_that_is_there_twice_is_found(tmp_path: Path) -> None:
    (wrong,) = found(tmp_path, [record(1), record(1)]).wrong
    assert wrong == "backend:0 p: twice: [1]"


def test_last_words_of_the_shipper_are_printed_only(tmp_path: Path) -> None:
    last = record(2) | {"name": "sagews.remotelog.shipper"}
    assert found(tmp_path, [record(1)], [record(1), last]).wrong == ()


def test_what_was_printed_last_and_never_arrived_is_found(tmp_path: Path) -> None:
    (wrong,) = found(tmp_path, [record(1)], [record(1), record(2)]).wrong
    assert wrong == "printed and not in the database: backend:0 2026-01-31T12:00:00.002 sagews Said"
