"""What can be wrong on the other machines of a site: each looks at itself, and is asked for what it found."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from sagews.admin.delivery import failed_there, file_there
from sagews.admin.finding import Finding
from sagews.admin.site import WholeSite
from sagews.admin.together import together
from sagews.component.instance import port_of
from sagews.configuration import Configuration
from sagews.errors import SagewsError
from sagews.hosts import machine

CLOCK_SECONDS = 5.0
"""Clocks that are further apart than this make logs hard to read, and new certificates not valid yet."""
CHECK_SECONDS = 90.0


def machines(site: WholeSite) -> Iterator[Finding]:
    """What every other machine finds, all asked at once."""
    hosts = site.elsewhere
    if hosts:
        yield from ports_known(site)
    for found in together([partial(_ask, site.configuration, host) for host in hosts]):
        yield from found


def ports_known(site: WholeSite) -> Iterator[Finding]:
    """Whether the ports of what others have to reach are told by the configuration: a status file stays at home."""
    for name, component in site.components.items():
        if any(port_of(site.configuration, one) == 0 for one in component.instances()):
            yield Finding.wrong(
                f"{name}.port is 0 (any free port), which other machines cannot know", f"Set `{name}.port`"
            )


def _ask(configuration: Configuration, host: str) -> list[Finding]:
    there = machine(configuration, host)
    command = there.sagews("check", "--here", "--json", file=file_there(configuration, host))
    began = time.time()
    try:
        done = there.run(command, within_seconds=CHECK_SECONDS)
    except SagewsError as error:
        return [Finding.wrong(error.what.rstrip("."), error.what_to_do.rstrip("."))]
    try:
        told = json.loads(done.output)
        found = [Finding.from_json(one) for one in told["findings"]]
        clock = float(told["time"])
    except (ValueError, KeyError, TypeError):
        failure = failed_there(there, done).what
        return [Finding.wrong(failure.rstrip("."), "sagews start brings it what it needs, or says what is missing")]
    return [_clock(host, clock, began), *(replace(one, what=f"{host}: {one.what}") for one in found)]


def _clock(host: str, clock: float, began: float) -> Finding:
    apart = max(began - clock, clock - time.time(), 0.0)
    if apart > CLOCK_SECONDS:
        return Finding.wrong(f"The clock of {host} is {apart:.0f} s away from ours", "Let NTP set both clocks")
    return Finding.good(f"{host} answers over SSH, and its clock is right")
