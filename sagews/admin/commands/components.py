"""`sagews start | stop | restart | reload`: the components of a whole site."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sagews.admin.command import Parser, Verbs, add_configuration_option, configuration_file
from sagews.errors import UsageError

if TYPE_CHECKING:
    from sagews.admin.site import Verb, WholeSite

VERBS: dict[Verb, str] = {
    "start": "Start components and wait until they answer; what runs already is left alone.",
    "stop": "Let components finish their work, and stop them for sure.",
    "restart": "Stop and start components, one instance after the other, so that the others carry the site.",
    "reload": (
        "Let components take new certificates without dropping a connection; HAProxy and nginx take all settings as "
        "well, backends, workers and the log server `log.level`. For any other setting restart them; `sagews status` "
        "says who has not taken new ones."
    ),
}


def add(verbs: Verbs) -> None:
    """Declare the verbs."""
    for name, about in VERBS.items():
        parser = verbs.add(
            name, about, examples=(f"sagews {name}", f"sagews {name} backend", f"sagews {name} backend:1 worker")
        )
        add_which(parser)
        parser.set_defaults(run=run, verb=name)


def add_which(parser: Parser) -> None:
    """Declare the words by which instances are chosen, and where."""
    parser.add_argument(
        "which", metavar="COMPONENT[:N]", nargs="*", help="components or single instances; default: all"
    )
    parser.add_argument("--here", action="store_true", help="only what is on this machine")
    add_configuration_option(parser)


def site_of(arguments: Namespace) -> WholeSite:
    """The site that a command with `add_which` is about.

    :raises UsageError: no configuration file is there.
    """
    import os

    from sagews.admin.site import WholeSite
    from sagews.configuration import load

    file = configuration_file(arguments)
    if file is None:
        raise UsageError(
            "There is no configuration file of a whole site here.",
            mend="Name it with --config FILE or SAGEWS_CONFIG, or make a site with `sagews init FOLDER`.",
        )
    return WholeSite(load(file, os.environ), Path(file), here_only=arguments.here)


def run(arguments: Namespace) -> int:
    """Does the verb; 0 where all went well."""
    site = site_of(arguments)
    if arguments.verb in ("start", "restart", "reload"):
        from sagews.admin.machines import make_users
        from sagews.certificates import make_all
        from sagews.database.uses import make_passwords

        make_users(site.configuration, say)
        if not arguments.here and site.is_main_machine:
            make_all(site.configuration)
            if not site.configuration.database.url:
                make_passwords(site.configuration)  # before they are delivered to the machines that need them
    site.do(arguments.verb, arguments.which, say)
    if arguments.verb == "start" and not arguments.which and not arguments.here:
        from sagews.component.addresses import site_addresses

        told = site.configuration.site
        say(f"{told.name} is at {' and '.join(site_addresses(site.configuration, told.names[0]))}")
    return 0


_SAYING = Lock()


def say(sentence: str) -> None:
    """One line on standard output, whole, from any thread."""
    with _SAYING:
        sys.stdout.write(f"{sentence}\n")
        sys.stdout.flush()
