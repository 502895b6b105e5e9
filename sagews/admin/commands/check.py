"""`sagews check`: what is wrong with an installation, and its mend."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from typing import TYPE_CHECKING

from sagews.admin.command import Verbs, add_configuration_option, configuration_of
from sagews.admin.commands.components import say, site_of

if TYPE_CHECKING:
    from sagews.admin.finding import Finding

MARKS = {"good": ("ok   ", "32"), "doubtful": ("note ", "33;1"), "wrong": ("WRONG", "31;1")}


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "check",
        "Find what is wrong with a whole site and its machine, and say the mend; exit status 1 where something is.",
        examples=("sagews check", "sagews check --all", "sagews check worker"),
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("worker",),
        help="`worker`: only what protects others from a session on this machine",
    )
    parser.add_argument("--all", action="store_true", help="say also what is good")
    parser.add_argument("--here", action="store_true", help="only what is on this machine")
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    add_configuration_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """1 where something is wrong, else 0."""
    from sagews.admin.checks import find
    from sagews.admin.confinement_checks import protections
    from sagews.admin.finding import Weight

    found = protections(configuration_of(arguments)) if arguments.what == "worker" else find(site_of(arguments))
    if arguments.json:
        findings = list(found)
        print(json.dumps({"time": time.time(), "findings": [one.as_json() for one in findings]}))
        return 1 if any(one.weight is Weight.WRONG for one in findings) else 0
    counts = dict.fromkeys(Weight, 0)
    for one in found:
        counts[one.weight] += 1
        if one.weight is not Weight.GOOD or arguments.all or arguments.what:
            _show(one)
    say(f"{counts[Weight.GOOD]} good, {counts[Weight.DOUBTFUL]} doubtful, {counts[Weight.WRONG]} wrong.")
    return 1 if counts[Weight.WRONG] else 0


def _show(finding: Finding) -> None:
    mark, colour = MARKS[finding.weight]
    if sys.stdout.isatty():
        mark = f"\x1b[{colour}m{mark}\x1b[0m"
    say(f"{mark}  {finding.what}." + (f"\n       Mend: {finding.mend}." if finding.mend else ""))
