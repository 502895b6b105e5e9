"""`sagews init`: the folder of a whole site, its configuration, users and certificates."""

from __future__ import annotations

import os
import socket
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from sagews.admin.command import CONFIGURATION_NAME, Verbs
from sagews.admin.commands.components import say
from sagews.errors import Conflict, SetupError, UsageError

if TYPE_CHECKING:
    from sagews.configuration import Configuration

PLAN = {
    "loadbalancer.port": 0,
    "staticserver.port": 10,
    "postgresql.port": 15,
    "memcached.port": 20,
    "backend.port": 30,
    "worker.port": 50,
    "worker.monitoring_port": 60,
    "logserver.port": 70,
    "logserver.monitoring_port": 75,
}
"""How far each port is from the first one."""
SPAN = 80
FIRST_PORT = 8440


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "init",
        "Make the folder of a whole site: its configuration, the Unix users, certificates and the first administrator.",
        examples=(
            "sagews init /srv/sagews",
            "sagews init /srv/sagews --name 'Sage at Example University' --address sage.example.org",
        ),
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the site's folder; made if missing")
    parser.add_argument("--name", metavar="NAME", default="Sage Workspaces", help="the site's name, shown on its pages")
    parser.add_argument(
        "--address",
        metavar="ADDRESS",
        action="append",
        help="a name or address by which browsers reach it; may be given again, the best first; default: localhost and "
        "127.0.0.1, which only this machine reaches",
    )
    parser.add_argument(
        "--ports-from",
        metavar="N",
        type=_port,
        default=FIRST_PORT,
        help=f"the first of {SPAN} ports that it uses; its pages are there; default: {FIRST_PORT}",
    )
    parser.add_argument(
        "--operator", metavar="NAME", default="operator", help="by which the first administrator signs in"
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Makes what is missing; a configuration that is there is kept."""
    from sagews.admin.machines import make_users
    from sagews.certificates import make_all
    from sagews.database.uses import make_passwords

    file = arguments.folder.expanduser().absolute() / CONFIGURATION_NAME
    configuration = _make_configuration(file, arguments)
    _require_reachable(configuration)
    make_users(configuration, say)
    make_all(configuration)
    make_passwords(configuration)
    say(f"made keys and certificates in {configuration.certificate_folder}")
    _make_operator(configuration, file, arguments.operator)
    say(f"Start it: sagews start --config {file}")
    return 0


def _make_operator(configuration: Configuration, file: Path, name: str) -> None:
    """Make the first administrator, for which the database has to run for a moment."""
    import asyncio

    from sagews.admin.accounts import OPERATOR, Accounts, NewAccount, new_password
    from sagews.admin.site import WholeSite

    site = WholeSite(configuration, file)
    password = new_password()

    async def make() -> bool:
        async with Accounts.of(configuration) as accounts:
            if any(account.account_type == OPERATOR for account, _ in await accounts.all()):
                return False
            await accounts.create(NewAccount(name, account_type=OPERATOR, password=password))
            return True

    runs = [one for one in site.status(("postgresql",)) if one.pid]
    say("making the database and the first administrator (some seconds) ...")
    site.do("start", ("postgresql",), _say_nothing)
    try:
        if asyncio.run(make()):
            say(f"made the administrator {name} with the password {password}")
    finally:
        if not runs:
            site.do("stop", ("postgresql",), _say_nothing)


def _say_nothing(sentence: str) -> None:
    """Say nothing."""


def _make_configuration(file: Path, arguments: Namespace) -> Configuration:
    from sagews.configuration import load

    if file.exists():
        say(f"kept the configuration {file}")
        return load(file, os.environ)
    _require_free(arguments.ports_from)
    _warn_of_outgoing_ports(arguments.ports_from)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_text(arguments))
    except OSError as error:
        raise SetupError(
            f"The site's folder {file.parent} cannot be made: {error.strerror}.",
            mend="Choose another, or give your user the right to write there.",
        ) from error
    try:
        configuration = load(file, os.environ)
    except UsageError:
        file.unlink()
        raise
    say(f"wrote the configuration {file}")
    return configuration


def _text(arguments: Namespace) -> str:
    from sagews.configuration.site import is_loopback
    from sagews.configuration.values import shown

    settings_of: dict[str, list[str]] = {}
    for name, distance in PLAN.items():
        section, setting = name.split(".")
        settings_of.setdefault(section, []).append(f"{setting} = {arguments.ports_from + distance}")
    addresses = tuple(arguments.address or ("localhost", "127.0.0.1"))
    if not all(map(is_loopback, addresses)):
        settings_of["loadbalancer"].append('address = "*"')
    lines = [
        "# A whole site. `sagews config reference` lists every setting, `sagews config check` finds mistakes.",
        'data_folder = "."',
        "",
        "[site]",
        'profile = "site"',
        f"name = {shown(arguments.name)}",
        f"names = {shown(addresses)}",
    ]
    for section, settings in settings_of.items():
        lines += ["", f"[{section}]", *settings]
    return "\n".join(lines) + "\n"


def _require_free(first: int) -> None:
    for port in range(first, first + SPAN):
        try:
            with socket.create_server(("127.0.0.1", port)):
                pass
        except OSError as error:
            why, last = os.strerror(error.errno or 0), first + SPAN - 1
            raise Conflict(
                f"Port {port} cannot be used here ({why}); the site needs {first} to {last}.",
                mend="Choose others with --ports-from N.",
            ) from error


def _warn_of_outgoing_ports(first: int) -> None:
    from sagews.admin.outgoing_ports import OutgoingPorts, written

    outgoing = OutgoingPorts.of_this_machine()
    taken = outgoing.among(range(first, first + SPAN))
    if taken:
        say(
            f"note: the kernel gives the ports {written(taken)} to outgoing connections, too; a component may find its "
            f"port in use when it starts. `{outgoing.mend(taken)}` and the same in a file of /etc/sysctl.d forbid it, "
            "or choose others with --ports-from N"
        )


def _require_reachable(configuration: Configuration) -> None:
    """Components run as users of their own, who have to get at the site's folder and at this program.

    :raises SetupError: they cannot.
    """
    from sagews.admin.checks import OURS, reachable
    from sagews.admin.finding import Weight

    if os.geteuid() != 0 or not any(getattr(configuration, name).user for name in OURS):
        return
    for finding in reachable(configuration):
        if finding.weight is Weight.WRONG:
            raise SetupError(f"{finding.what}.", mend=f"{finding.mend}.")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 65535 - SPAN:
        raise ArgumentTypeError(f"{text[:20]!r} is no first port; allowed: 1 to {65535 - SPAN}")
    return int(text)
