"""`sagews keep` and `sagews prepare`: what supervisord, and `sagews` on another machine, run. Not for people."""

from __future__ import annotations

import sys
from argparse import Namespace

from sagews.admin.command import Verbs, add_configuration_option, configuration_file, configuration_of
from sagews.admin.commands.components import say, site_of
from sagews.errors import UsageError

LARGEST_DELIVERY = 2**24


def add(verbs: Verbs) -> None:
    """Declare the verbs."""
    parser = verbs.add_unlisted(
        "keep", "Become one instance, or wait beside it (supervisord runs this).", examples=("sagews keep backend:1",)
    )
    parser.add_argument("which", metavar="COMPONENT:N", help="the instance")
    add_configuration_option(parser)
    parser.set_defaults(run=run, here=True)
    parser = verbs.add_unlisted(
        "prepare",
        "Make the Unix users of a site on this machine, and take its certificates (`sagews start` does it).",
        examples=("sagews prepare",),
    )
    add_configuration_option(parser)
    parser.set_defaults(run=prepare, here=True)


def run(arguments: Namespace) -> int:
    """Does not return where all goes well."""
    from sagews.admin.components import CLASSES, component_class
    from sagews.component.instance import ALL, choose
    from sagews.component.keep import keep
    from sagews.component.supervision import Supervision

    configuration, file = configuration_of(arguments), configuration_file(arguments)
    name, _, number = arguments.which.partition(":")
    chosen = choose(configuration, name, number or ALL) if name in CLASSES else ()
    if file is None or len(chosen) != 1 or chosen[0].host != configuration.host:
        raise UsageError(f"{arguments.which[:40]!r} is no instance on this machine.", mend="Name one as backend:1.")
    # All of them start at once: each imports its own component only.
    keep(component_class(name)(configuration, file, Supervision(configuration, ())), chosen[0])


def prepare(arguments: Namespace) -> int:
    """Make the users, and take the certificates that come on standard input from the main machine."""
    from sagews.admin.delivery import receive

    text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read(LARGEST_DELIVERY)
    receive(site_of(arguments).configuration, text, say)
    return 0
