"""LogCompleteness: whether every record that the processes of a site made is in its database, or counted as dropped.

Two things bear witness: each process numbers its records, and each also prints them, by another handler, into the file
of its instance.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.acceptance.whole_site import OURS, WholeSite

Key = tuple[str, str, str, str]
"""Instance, time (UTC, to the millisecond), logger, event."""
SHIPPER = "sagews.remotelog.shipper"
"""What it says when its process ends while the log server is away is printed only: its spool is closed by then."""
MILLISECONDS = len("2026-01-31T12:00:00.000")


@dataclass(frozen=True)
class LogCompleteness:
    """Of one site at one moment."""

    records: int
    """In the database."""
    processes: int
    printed: int
    dropped: int
    """As the records themselves tell; each has a number, too."""
    wrong: tuple[str, ...]
    """What is not accounted for; nothing = the log is complete."""

    @classmethod
    def of(cls, site: WholeSite) -> LogCompleteness:
        """Compare what there is."""
        stored = [
            json.loads(line) for line in site.sagews("log", "--json", "--lines", "0", "--level", "debug").splitlines()
        ]
        by_process: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in stored:
            by_process[record["process"]].append(record)
        printed = Counter(_printed(site))
        left = printed - Counter(map(_key, stored))
        missing = Counter({key: times for key, times in left.items() if key[2] != SHIPPER})
        dropped = sum(map(_dropped, stored))
        wrong = [text for process, records in by_process.items() for text in _holes(process, records)]
        if missing.total() > dropped:
            wrong += [f"printed and not in the database: {' '.join(key)}" for key in missing]
        return cls(len(stored), len(by_process), printed.total(), dropped, tuple(wrong))


def _holes(process: str, records: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the numbers of a process."""
    numbers = Counter(record["n"] for record in records)
    of = f"{records[0]['component']} {process}"
    if twice := [n for n, times in numbers.items() if times > 1]:
        yield f"{of}: twice: {twice[:10]}"
    missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
    dropped = sum(map(_dropped, records))
    if len(missing) != dropped:
        yield f"{of}: {len(missing)} of {max(numbers)} are missing ({missing[:10]}), {dropped} were counted as dropped"


def _dropped(record: Mapping[str, Any]) -> int:
    return int(record["fields"].get("dropped", 0)) if record["fields"].get("action") == "log_records_dropped" else 0


def _key(record: Mapping[str, Any]) -> Key:
    return record["component"], record["time"][:MILLISECONDS], record["name"], record["event"]


def _printed(site: WholeSite) -> Iterator[Key]:
    """Every record in the files of the instances, which have other lines, too."""
    for component in OURS:
        for file in (site.folder / "log").glob(f"{component}.*.log*"):
            instance = f"{component}:{file.name.split('.')[1]}"
            for line in file.read_text(errors="replace").splitlines():
                if line.startswith('{"time": '):
                    yield _key(json.loads(line) | {"component": instance})
