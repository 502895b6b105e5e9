"""`sagews status`: what runs, and whether it answers.

Of a whole site, every instance on every machine; of a solo site, or one that is named with ``--url``, what it says.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sagews.admin.command import Verbs, configuration_of
from sagews.admin.running import add_site_options, site_of
from sagews.errors import SagewsError

if TYPE_CHECKING:
    from sagews.certificates.site import Expiry

WATCH_SECONDS = 2.0
CLEAR = "\x1b[H\x1b[2J"
"""Cursor home and clear the screen (ECMA-48: CUP, ED)."""


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "status",
        "Say what runs and whether it answers; the exit status is 1 when something does not.",
        examples=(
            "sagews status",
            "sagews status backend worker:1  # of a whole site",
            "sagews status --watch",
            "sagews status --json",
        ),
    )
    parser.add_argument("which", metavar="COMPONENT[:N]", nargs="*", help="of a whole site; default: all")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("--watch", action="store_true", help="show it again every 2 seconds, until Ctrl-C")
    parser.add_argument("--here", action="store_true", help="only what is on this machine")
    add_site_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Exit status: 0 where everything answers, else 1."""
    of_site = not (arguments.url or os.environ.get("SAGEWS_URL")) and not configuration_of(arguments).is_solo
    show = _show_site if of_site else _show_solo
    if not arguments.watch:
        return show(arguments)
    while True:
        sys.stdout.write(CLEAR if sys.stdout.isatty() else "")
        show(arguments)
        sys.stdout.flush()
        time.sleep(WATCH_SECONDS)


def _show_site(arguments: Namespace) -> int:
    from sagews.admin.commands.components import site_of as whole_site_of
    from sagews.admin.site_status import SiteStatus
    from sagews.certificates import expiries

    site = whole_site_of(arguments)
    ends: Sequence[Expiry] = ()
    trouble = ""
    try:
        ends = expiries(site.configuration, "" if site.is_main_machine else site.configuration.host)
    except SagewsError as error:
        trouble = str(error)
    statuses = site.status(arguments.which)
    told = SiteStatus(
        site.configuration.site.name,
        statuses,
        ends,
        supervised=site.supervision.pid != 0,
        trouble=trouble,
    )
    print(json.dumps(told.as_json()) if arguments.json else told.table(coloured=sys.stdout.isatty()))
    return 0 if told.is_well else 1


def _show_solo(arguments: Namespace) -> int:
    import asyncio

    url, token = site_of(arguments)
    told = asyncio.run(_ask(url, token))
    healthy = told["database"] and told["workers"] and all(worker["connected"] for worker in told["workers"])
    if arguments.json:
        print(json.dumps(told | {"url": url, "healthy": bool(healthy)}))
    else:
        _show(url, told)
    return 0 if healthy else 1


async def _ask(url: str, token: str) -> dict[str, Any]:
    from sagews.client.site import SiteClient

    async with SiteClient(url, token) as site:
        return dict(await site.call("GET", "/api/status"))


def _show(url: str, told: dict[str, Any]) -> None:
    rows = [
        ("site", f"{told['site']} at {url}"),
        ("backend", f"answers; {told['live_connections']} live connections"),
        ("database", _answers(told["database"])),
    ]
    rows += [
        (f"worker {worker['id']}", f"{_answers(worker['connected'])}; {', '.join(worker['environments'])}")
        for worker in told["workers"]
    ]
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(f"{name:{width}}  {text}")


def _answers(value: bool) -> str:
    return "answers" if value else "DOES NOT ANSWER"
