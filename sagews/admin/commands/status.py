"""`sagews status`: what runs, and whether it answers."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from sagews.admin.command import Verbs
from sagews.admin.running import add_site_options, site_of


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "status",
        "Say what runs and whether it answers; the exit status is 1 when something does not.",
        examples=("sagews status", "sagews status --json"),
    )
    parser.add_argument("--json", action="store_true", help="print what the site says, as JSON")
    add_site_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Exit status: 0 where everything answers, else 1."""
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
