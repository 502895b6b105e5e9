"""`sagews log`: what the components of the site said."""

from __future__ import annotations

import io
import sys
from argparse import Namespace
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sagews.admin.command import Verbs, add_configuration_option, configuration_of
from sagews.admin.log_query import LEVELS, component, moment
from sagews.configuration import Configuration
from sagews.errors import DatabaseUnavailable, UsageError

if TYPE_CHECKING:
    from sagews.admin.log_following import Show
    from sagews.database.log import LogRecord, Wanted

LINES = 100


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "log",
        "Show what the components of the site said, the newest records last.",
        examples=(
            "sagews log                                    # the last 100 records",
            "sagews log --follow --level warning           # what goes wrong, as it happens",
            "sagews log --component worker:1 --since 10m",
            "sagews log --component backend --component worker --since 14:30 --until 14:35",
            "sagews log --workspace 3f6c0a --text 'memory limit' --lines 0",
            "sagews log --since 2026-01-31 --json > january.jsonl",
            "sagews log --files --component worker:1       # the end of its log file, also while the database is down",
        ),
    )
    parser.add_argument(
        "--component",
        metavar="NAME",
        action="append",
        default=[],
        help="only of this component (worker) or instance (worker:1); may be given again",
    )
    parser.add_argument("--level", choices=tuple(LEVELS), default="debug", help="at least this level; default: debug")
    parser.add_argument(
        "--since", metavar="TIME", help="not before: 10m or 2h or 3d ago, 14:30, '2026-01-31 14:30' (local time)"
    )
    parser.add_argument("--until", metavar="TIME", help="before this time, written in the same way")
    parser.add_argument("--workspace", metavar="ID", default="", help="only about this workspace")
    parser.add_argument(
        "--text", metavar="WORDS", default="", help="only with each of these words, in event, fields or traceback"
    )
    parser.add_argument(
        "--lines", metavar="N", type=int, default=LINES, help=f"the last N records; 0 = all; default: {LINES}"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--follow", action="store_true", help="go on with what arrives, until Ctrl-C")
    parser.add_argument(
        "--files", action="store_true", help="the last lines of each log file instead, on whichever machine it is"
    )
    parser.add_argument("--here", action="store_true", help="with --files: only those on this machine")
    add_configuration_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Exit status: 0."""
    import asyncio

    configuration = configuration_of(arguments)
    if configuration.is_solo:
        raise UsageError("A solo site has no log server.", mend=_read_files(configuration))
    if arguments.lines < 0:
        raise UsageError("--lines has to be 0 or more.")
    if arguments.files:
        return _show_files(arguments)
    wanted = _wanted(arguments)
    try:
        asyncio.run(_run(configuration, wanted, arguments.lines, _shower(arguments.json), arguments.follow))
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(error.what, mend=_read_files(configuration)) from error
    return 0


def _show_files(arguments: Namespace) -> int:
    from sagews.admin.commands.components import site_of
    from sagews.admin.log_files import ends

    for line in ends(site_of(arguments), arguments.component, arguments.lines):
        print(line)
    return 0


def _wanted(arguments: Namespace) -> Wanted:
    from sagews.database.log import Wanted

    now = datetime.now().astimezone()
    return Wanted(
        components=tuple(map(component, arguments.component)),
        level=LEVELS[arguments.level],
        since=moment(arguments.since, now) if arguments.since else None,
        until=moment(arguments.until, now) if arguments.until else None,
        workspace=arguments.workspace,
        text=arguments.text,
    )


def _shower(as_json: bool) -> Show:
    from sagews.admin.log_lines import human_lines, json_line

    coloured = sys.stdout.isatty()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what its encoding has not: lone surrogates at least

    def show(records: Iterable[LogRecord]) -> None:
        for record in records:
            print(json_line(record) if as_json else human_lines(record, coloured=coloured))
        sys.stdout.flush()

    return show


async def _run(configuration: Configuration, wanted: Wanted, lines: int, show: Show, follow: bool) -> None:
    from sagews.admin.log_following import LogFollowing
    from sagews.database.access import engine_for
    from sagews.database.store import Store
    from sagews.database.uses import Use

    store = Store(engine_for(configuration, Use.ADMIN, connections=2))
    following = LogFollowing(store.log, wanted, show)
    try:
        if lines:
            await following.show_last(lines)
        else:
            await following.show_new()
        if follow:
            await following.follow()
    finally:
        await store.close()


def _read_files(configuration: Configuration) -> str:
    folder = configuration.data_folder / "log"
    there = " ".join(str(path) for path in sorted(folder.glob("*.log")))
    return f"Read what components print: {there or folder / '*.log'}."
