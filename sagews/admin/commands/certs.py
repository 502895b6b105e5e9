"""`sagews certs`: look at the keys and certificates of a site, make what is missing, and renew them all."""

from __future__ import annotations

from argparse import Namespace

from sagews.admin.command import Verbs, add_configuration_option
from sagews.admin.commands.components import say, site_of


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "certs",
        "Look at the certificates of a site, make what is missing, renew them.",
        examples=("sagews certs show", "sagews certs renew && sagews reload"),
    )
    inner = Verbs(parser)
    for name, about, run in (
        ("show", "Say when each certificate ends, the first to end first.", show),
        ("make", "Make what is missing, wrong, or past two thirds of its life.", make),
        (
            "renew",
            "Make all anew and bring each machine its own; `sagews reload` takes them in use.",
            renew,
        ),
    ):
        parser = inner.add(name, about, examples=(f"sagews certs {name}",))
        add_configuration_option(parser)
        parser.set_defaults(run=run, here=False)


def show(arguments: Namespace) -> int:
    """1 where one ends soon, else 0."""
    from sagews.certificates import expiries

    site = site_of(arguments)
    found = expiries(site.configuration, "" if site.is_main_machine else site.configuration.host)
    for one in found:
        say(f"{one.name:24} {one.ends:%Y-%m-%d %H:%M} UTC{'  ENDS SOON' if one.is_near else ''}")
    return 1 if any(one.is_near for one in found) else 0


def make(arguments: Namespace) -> int:
    """Make what is missing."""
    return _make(arguments, anew=False)


def renew(arguments: Namespace) -> int:
    """Make all anew."""
    return _make(arguments, anew=True)


def _make(arguments: Namespace, *, anew: bool) -> int:
    from sagews.admin.machines import make_users
    from sagews.certificates import make_all
    from sagews.database.uses import make_passwords

    site = site_of(arguments)
    site.require_main_machine()
    make_users(site.configuration, say)
    make_all(site.configuration, anew=anew)
    make_passwords(site.configuration)
    say(f"The certificates in {site.configuration.certificate_folder} are {'new' if anew else 'complete'}.")
    site.deliver(say)
    if anew:
        say("Let the components take them: sagews reload")
    return 0
