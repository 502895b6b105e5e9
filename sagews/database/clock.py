"""The time, as a collaborator that is passed in, so that tests choose it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, with a time zone."""


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)
