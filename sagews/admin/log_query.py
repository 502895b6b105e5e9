"""What `sagews log` is asked, as it is typed: components, levels, times."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sagews.configuration.catalogue import nearest
from sagews.configuration.site import COMPONENTS
from sagews.errors import UsageError

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


def component(text: str) -> tuple[str, int | None]:
    """``worker:1``, or ``worker`` for each of them.

    :raises UsageError: there is no such component.
    """
    name, colon, number = text.partition(":")
    if name not in (*COMPONENTS, "admin"):
        meant = nearest(name, list(COMPONENTS))
        hint = f"did you mean {meant}?" if meant else f"allowed: {', '.join(COMPONENTS)}."
        raise UsageError(f"There is no component {name[:60]!r}; {hint}")
    if colon and not number.isdecimal():
        raise UsageError(f"{text[:60]!r} names no instance; allowed: {name}:0, {name}:1, ...")
    return name, int(number) if colon else None


def moment(text: str, now: datetime) -> datetime:
    """``10m`` ago, ``14:30`` (the last one), ``2026-01-31`` or ``2026-01-31 14:30:15``, in the time zone of here.

    :param now: with a time zone.
    :raises UsageError: it is none of these.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{UNITS[ago[2]]: float(ago[1])})
        if _CLOCK.fullmatch(text):
            clock = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M").time()
            today = datetime.combine(now.astimezone().date(), clock).astimezone()
            return today if today <= now else today - timedelta(days=1)
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        allowed = "10m, 2h, 3d, 14:30, 2026-01-31 or '2026-01-31 14:30:15'"
        raise UsageError(f"{text[:60]!r} is no time; allowed: {allowed}.") from error


def level_name(level: int) -> str:
    """The name of a level; of one between two, the lower."""
    return next((name for name, number in reversed(LEVELS.items()) if level >= number), "debug")
