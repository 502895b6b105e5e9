"""Unexpected log lines fail a test.

A warning or an error in the log is something that an operator would have to look
at; a test in which one appears has found a fault, or must say that it expects it.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field


@dataclass
class Expectation:
    """A line that a test declared: of this logger (or one below it), matching this pattern."""

    logger: str
    pattern: re.Pattern[str]
    seen: int = 0

    def fits(self, record: logging.LogRecord) -> bool:
        below = record.name == self.logger or record.name.startswith(f"{self.logger}.") or not self.logger
        return below and self.pattern.search(record.getMessage()) is not None


@dataclass
class LogWatch(logging.Handler):
    """Collects warnings and worse that no expectation fits."""

    expectations: list[Expectation] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    __hash__ = logging.Handler.__hash__

    def expect(self, logger: str, pattern: str) -> Expectation:
        """Declare a line; the test fails too if it never comes."""
        expectation = Expectation(logger, re.compile(pattern))
        self.expectations.append(expectation)
        return expectation

    def emit(self, record: logging.LogRecord) -> None:
        for expectation in self.expectations:
            if expectation.fits(record):
                expectation.seen += 1
                return
        self.unexpected.append(self.format(record))

    def complaint(self) -> str:
        """What is wrong with the log, or nothing."""
        lines = [f"unexpected log line: {line}" for line in self.unexpected]
        lines += [
            f"expected log line never came: {missing.logger}: {missing.pattern.pattern}"
            for missing in self.expectations
            if not missing.seen
        ]
        return "\n".join(lines)
