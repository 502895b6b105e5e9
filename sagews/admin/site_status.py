"""What `sagews status` shows of a whole site: a table for people, or JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagews.certificates.site import Expiry
from sagews.component.status import State, Status

HEAD = ("INSTANCE", "HOST", "STATE", "PID", "UP", "SINCE", "CPU", "MEMORY", "PORT", "VERSION", "HEALTH")
RIGHT = ("PID", "UP", "CPU", "MEMORY", "PORT")
COLOURS = {State.UP: "32", State.STOPPED: "2", State.SILENT: "33;1", State.DOWN: "31;1", State.UNKNOWN: "35;1"}
MINUTE, HOUR, DAY = 60, 3600, 86400
MIB = 2**20


@dataclass(frozen=True)
class SiteStatus:
    """A whole site at one moment."""

    name: str
    statuses: Sequence[Status]
    expiries: Sequence[Expiry]
    supervised: bool
    """Whether this machine's supervisord runs."""
    trouble: str = ""
    """What is wrong with the certificates, where their ends cannot be told."""

    @property
    def is_well(self) -> bool:
        """Whether everything does what is wanted of it."""
        return (
            all(one.is_well for one in self.statuses)
            and not any(one.is_near for one in self.expiries)
            and not self.trouble
            and (self.supervised or all(one.state is State.STOPPED for one in self.statuses))
        )

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "site": self.name,
            "healthy": self.is_well,
            "supervised": self.supervised,
            "trouble": self.trouble,
            "instances": [one.as_json() for one in self.statuses],
            "certificates": [{"name": one.name, "ends": one.ends.isoformat()} for one in self.expiries],
        }

    def table(self, *, coloured: bool = False) -> str:
        """For people; one line an instance, then what else is to be said."""
        rows = [HEAD, *(_row(one) for one in self.statuses)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
        lines = []
        for number, row in enumerate(rows):
            cells = [
                cell.rjust(width) if name in RIGHT else cell.ljust(width)
                for cell, width, name in zip(row, widths, HEAD, strict=True)
            ]
            if coloured and number:
                cells[2] = f"\x1b[{COLOURS[self.statuses[number - 1].state]}m{cells[2]}\x1b[0m"
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, "", *self._remarks()])

    def _remarks(self) -> list[str]:
        wrong = [one for one in self.statuses if not one.is_well]
        up = sum(one.state is State.UP for one in self.statuses)
        lines = [f"{self.name}: {up} of {len(self.statuses)} up" + (f", {len(wrong)} not as wanted" if wrong else "")]
        if self.trouble:
            lines.append(f"certificates: {self.trouble}")
        if self.expiries:
            first = self.expiries[0]
            word = first.when if first.is_near else f"ends first, on {first.ends:%Y-%m-%d}"
            mend = (
                f" ({'get a new one, then ' if first.is_operators else ''}`{first.renewal}`)" if first.is_near else ""
            )
            lines.append(f"certificates: {first.name} {word}{mend}")
        if not self.supervised and any(one.state is not State.STOPPED for one in self.statuses):
            lines.append("supervisord does NOT RUN on this machine: what dies is not started again (`sagews start`)")
        return lines


def _row(one: Status) -> tuple[str, ...]:
    lives = one.pid != 0
    return (
        str(one.instance),
        one.instance.host,
        str(one.state),
        str(one.pid) if lives else "-",
        _duration(time.time() - one.since) if one.since else "-",
        f"{datetime.fromtimestamp(one.since):%m-%d %H:%M:%S}" if one.since else "-",
        f"{one.cpu_percent:.1f} %" if lives else "-",
        f"{one.memory_bytes / MIB:.0f} MiB" if lives else "-",
        str(one.port) if one.port else "-",
        one.version or "-",
        one.health.replace("\n", " ")[:120] or "-",
    )


def _duration(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    if seconds < DAY:
        return f"{seconds / HOUR:.1f} h"
    return f"{seconds / DAY:.1f} d"
