"""`make bench`: run the measurements, print the table, write the results."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks import browser, confinement, flood, idle, logging_cost, neighbour, report, round_trip, sessions, unread
from benchmarks.rows import Row
from benchmarks.site import Site, running_site

QUESTIONS: dict[str, Callable[[Site, bool], Awaitable[list[Row]]]] = {
    "sessions": sessions.measure,
    "confinement": confinement.measure,
    "round_trip": round_trip.measure,
    "flood": flood.measure,
    "unread": unread.measure,
    "idle": idle.measure,
    "neighbour": neighbour.measure,
    "logging": logging_cost.measure,
    "browser": browser.measure,
}
LONGEST_SECONDS = 300.0
"""Of one question; more means that something hangs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status. Where a question fails, what the others said until then is printed before the error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions; prints, writes nothing")
    parser.add_argument("--only", choices=QUESTIONS, help="one question; prints, writes nothing")
    parsed = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the servers are ended then, too
    chosen = [parsed.only] if parsed.only else list(QUESTIONS)
    rows: list[Row] = []
    try:
        for number, name in enumerate(chosen, 1):
            print(f"[{number}/{len(chosen)}] {name} ...", file=sys.stderr, end="", flush=True)
            started = time.perf_counter()
            with running_site() as site:
                rows += asyncio.run(_measure(name, site, parsed.quick))
            print(f" {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    finally:
        print(report.table(rows))
    if not parsed.quick and not parsed.only:
        report.write(rows)
        print(f"\nWritten: {report.JSON_FILE}, {report.PAGE}, {report.PLOT}", file=sys.stderr)
    return 0


async def _measure(name: str, site: Site, quick: bool) -> list[Row]:
    async with asyncio.timeout(LONGEST_SECONDS):
        return await QUESTIONS[name](site, quick)


if __name__ == "__main__":
    sys.exit(main())
