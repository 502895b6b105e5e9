"""`make bench`: run the measurements, print the table, write the results."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from benchmarks import browser, flood, idle, report, round_trip, sessions, unread
from benchmarks.rows import Row
from benchmarks.site import Site, running_site

QUESTIONS: dict[str, Callable[[Site, bool], Awaitable[list[Row]]]] = {
    "sessions": sessions.measure,
    "round_trip": round_trip.measure,
    "flood": flood.measure,
    "unread": unread.measure,
    "idle": idle.measure,
    "browser": browser.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions; prints, writes nothing")
    parser.add_argument("--only", choices=QUESTIONS, help="one question; prints, writes nothing")
    parsed = parser.parse_args(arguments)
    chosen = [parsed.only] if parsed.only else list(QUESTIONS)
    rows = []
    for number, name in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}] {name} ...", file=sys.stderr, flush=True)
        with running_site() as site:
            rows += asyncio.run(_measure(name, site, parsed.quick))
    print(report.table(rows))
    if not parsed.quick and not parsed.only:
        report.write(rows)
        print(f"\nWritten: {report.JSON_FILE}, {report.PAGE}, {report.PLOT}", file=sys.stderr)
    return 0


async def _measure(name: str, site: Site, quick: bool) -> list[Row]:
    return await QUESTIONS[name](site, quick)


if __name__ == "__main__":
    sys.exit(main())
