"""The ends of the log files of instances, on whichever machine they are: what is left when the log server is down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sagews.admin.delivery import failed_there, file_there
from sagews.admin.site import WholeSite
from sagews.admin.together import together
from sagews.component import Instance
from sagews.errors import SagewsError
from sagews.hosts import machine

ALL_LINES = 10**6


def ends(site: WholeSite, which: Sequence[str], lines: int) -> Iterator[str]:
    """A heading for each instance's file, and its last lines; other machines are asked at once.

    :param which: as `WholeSite.chosen` takes them.
    :param lines: of each file; 0 = as many as are read at all.
    :raises UsageError: there is no such instance.
    """
    chosen = site.chosen(which)
    here = site.configuration.host
    others = () if site.here_only else tuple(dict.fromkeys(one.host for one in chosen if one.host != here))
    for one in (one for one in chosen if one.host == here):
        log = site.components[one.component].log(one)
        yield f"==> {one} on {here}: {log.path}"
        yield from log.lines(at_most=lines or ALL_LINES)
    for found in together([partial(_there, site, host, chosen, lines) for host in others]):
        yield from found


def _there(site: WholeSite, host: str, chosen: Sequence[Instance], lines: int) -> list[str]:
    there = machine(site.configuration, host)
    which = [word for one in chosen if one.host == host for word in ("--component", str(one))]
    arguments = ("log", "--files", "--here", "--lines", str(lines), *which)
    try:
        done = there.run(there.sagews(*arguments, file=file_there(site.configuration, host)))
        if done.status != 0:
            raise failed_there(there, done)
    except SagewsError as error:
        return [f"==> {host}: {error.what}"]
    return done.output.splitlines()
