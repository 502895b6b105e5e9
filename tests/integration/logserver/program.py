"""A program of a site that logs what it is told on standard input: ``program.py CONFIG NUMBER``, for tests."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

from sagews import remotelog
from sagews.configuration import load

log = logging.getLogger("sagews.test")


def main() -> None:
    """Answer each command with one line."""
    configuration = load(Path(sys.argv[1]), {})
    remote = remotelog.start(configuration, "backend", int(sys.argv[2]))
    assert remote.handler is not None
    remote.ship()
    number = 0
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        answer = "done"
        if command == "log":
            count, _, text = rest.partition(" ")
            for _ in range(int(count)):
                number += 1
                log.info("Number", extra={"action": "number", "number": number, "workspace": "w1", "text": text})
        elif command == "hostile":
            hostile()
        elif command == "longest":
            answer = f"{longest(int(rest)):.6f}"
        elif command == "dropped":
            answer = str(remote.handler.dropped)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    remote.close()


def hostile() -> None:
    """Records that are hard to write."""

    class Nasty:
        def __str__(self) -> str:
            raise RuntimeError

    circle: list[object] = []
    circle.append(circle)
    deep: object = 0
    for _ in range(300):
        deep = [deep]
    for value in ("\0", "\ud800", Nasty(), circle, deep, 10**400, float("nan"), b"\xff", "x" * 10**6, {1: {2: 3}}):
        log.info("Hostile", extra={"value": value, "\ud800": 1})
    log.info("Hostile %s %s", "one argument is missing")  # noqa: PLE1206 - that is the point
    log.info("Hostile\0 \ud800", extra={"workspace": "\0"})
    try:
        raise ValueError("\ud800\0" * 10000)
    except ValueError:
        log.exception("Hostile")


def longest(count: int) -> float:
    """The longest log call, in seconds."""
    worst = 0.0
    for number in range(count):
        started = time.perf_counter()
        log.info("Number", extra={"action": "number", "number": number})
        worst = max(worst, time.perf_counter() - started)
    return worst


if __name__ == "__main__":
    main()
