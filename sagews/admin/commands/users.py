"""`sagews users`: the people of a site, one or many at once."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sagews.admin.command import Parser, Verbs, add_configuration_option, configuration_of
from sagews.errors import SagewsError, UsageError

if TYPE_CHECKING:
    from sagews.admin.accounts import Accounts


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "users",
        "Make, list and change the accounts of a site.",
        examples=(
            "sagews users create ada@example.org --name 'Ada Lovelace'",
            "sagews users import students.csv > passwords.csv",
            "sagews users disable ada@example.org grace@example.org",
            "sagews users reset-link ada@example.org",
        ),
    )
    inner = Verbs(parser)
    one = inner.add("list", "List the accounts.", examples=("sagews users list",))
    _declare(one, list_accounts)
    one = inner.add(
        "create",
        "Make an account; its password is asked for, or read from a file, or made up and shown.",
        examples=(
            "sagews users create ada@example.org --name 'Ada Lovelace'",
            "sagews users create boss --type operator --make-password",
        ),
    )
    one.add_argument("sign_in", metavar="NAME", help="the name or e-mail address by which the person signs in")
    one.add_argument("--name", metavar="TEXT", default="", help="what others see; default: NAME")
    one.add_argument("--type", metavar="TYPE", default="standard", help="`standard`, or `operator` who may administer")
    _add_password(one)
    _declare(one, create)
    one = inner.add("password", "Set a new password.", examples=("sagews users password ada@example.org",))
    one.add_argument("sign_in", metavar="NAME", help="whose")
    _add_password(one)
    _declare(one, set_password)
    _add_secrets(inner)
    for name, about in (
        ("disable", "Let people not sign in any more; what they have is kept."),
        ("enable", "Let people sign in again."),
    ):
        one = inner.add(name, about, examples=(f"sagews users {name} ada@example.org grace@example.org",))
        one.add_argument("names", metavar="NAME", nargs="+", help="by which they sign in")
        _declare(one, disable if name == "disable" else enable)
    example = "sagews users type operator ada@example.org"
    one = inner.add("type", "Change the account type of people.", examples=(example,))
    one.add_argument("type", metavar="TYPE", help="`standard` or `operator`")
    one.add_argument("names", metavar="NAME", nargs="+", help="by which they sign in")
    _declare(one, set_type)
    one = inner.add(
        "import",
        "Make the accounts of a CSV file (sign_in,name,type,password); prints those made, with their passwords.",
        examples=("sagews users import students.csv > passwords.csv",),
    )
    one.add_argument("file", metavar="FILE", type=Path, help="with a heading line; missing passwords are made up")
    _declare(one, import_accounts)


def _add_secrets(inner: Verbs) -> None:
    one = inner.add(
        "token", "Make an API token of an account, for a script, and print it.", examples=("sagews users token ada",)
    )
    one.add_argument("sign_in", metavar="NAME", help="whose")
    one.add_argument("--name", metavar="TEXT", default="made by the operator", help="what it is for")
    _declare(one, make_token)
    one = inner.add(
        "reset-link",
        "Print an address by which somebody sets a new password, once.",
        examples=("sagews users reset-link ada@example.org", "sagews users reset-link ada@example.org --mail"),
    )
    one.add_argument("sign_in", metavar="NAME", help="whose")
    one.add_argument("--mail", action="store_true", help="send it to NAME by mail.command instead")
    _declare(one, make_reset_link)
    one = inner.add(
        "invite",
        "Print an address by which somebody makes an account, where `accounts.sign_up` is not closed.",
        examples=("sagews users invite", "sagews users invite --uses 30"),
    )
    one.add_argument("--uses", metavar="NUMBER", type=int, default=1, help="how many may use it; 0 = any number")
    _declare(one, make_invitation)


def list_accounts(arguments: Namespace) -> int:
    """One line each."""

    async def show(accounts: Accounts) -> None:
        for account, names in await accounts.all():
            state = "  disabled" if account.disabled else ""
            print(f"{names:40} {account.account_type:10} {account.created:%Y-%m-%d}  {account.name}{state}")

    return _with_accounts(arguments, show)


def create(arguments: Namespace) -> int:
    """Make one account."""
    from sagews.admin.accounts import NewAccount

    password, told = _password(arguments)

    async def make(accounts: Accounts) -> None:
        await accounts.create(NewAccount(arguments.sign_in, arguments.name, arguments.type, password))
        print(f"{arguments.sign_in} can sign in now{told}.")

    return _with_accounts(arguments, make)


def set_password(arguments: Namespace) -> int:
    """Set one password."""
    password, told = _password(arguments)

    async def change(accounts: Accounts) -> None:
        await accounts.set_password(arguments.sign_in, password)
        shown = told.replace(" with the password", ":")
        print(f"{arguments.sign_in} has a new password{shown}; who was signed in has to sign in again.")

    return _with_accounts(arguments, change)


def make_token(arguments: Namespace) -> int:
    """Print one token."""

    async def make(accounts: Accounts) -> None:
        print(await accounts.new_token(arguments.sign_in, arguments.name))

    return _with_accounts(arguments, make)


def make_reset_link(arguments: Namespace) -> int:
    """Print one address, or send it."""

    async def make(accounts: Accounts) -> None:
        link = await accounts.new_reset_link(arguments.sign_in)
        if arguments.mail:
            await accounts.mail_reset_link(arguments.sign_in, link)
            print(f"An address for a new password is sent to {arguments.sign_in}.")
        else:
            print(link)

    return _with_accounts(arguments, make)


def make_invitation(arguments: Namespace) -> int:
    """Print one address."""
    if arguments.uses < 0:
        raise UsageError("--uses is below 0.", mend="Give a number of uses, or 0 for any number.")

    async def make(accounts: Accounts) -> None:
        print(await accounts.new_invitation(arguments.uses or None))

    return _with_accounts(arguments, make)


def disable(arguments: Namespace) -> int:
    """Disable accounts."""
    return _each(arguments, lambda accounts, name: accounts.disable(name), "cannot sign in any more")


def enable(arguments: Namespace) -> int:
    """Enable accounts."""
    return _each(arguments, lambda accounts, name: accounts.enable(name), "can sign in again")


def set_type(arguments: Namespace) -> int:
    """Change the type of accounts."""
    kind = arguments.type
    return _each(arguments, lambda accounts, name: accounts.set_type(name, kind), f"is of the type {kind} now")


def import_accounts(arguments: Namespace) -> int:
    """Make many accounts; 1 where one was not made."""
    import csv

    from sagews.admin.accounts import read_accounts

    new = read_accounts(arguments.file)
    failed = 0

    async def make(accounts: Accounts) -> None:
        nonlocal failed
        made = csv.writer(sys.stdout)
        made.writerow(("sign_in", "password"))
        for one, wrong in await accounts.create_all(new):
            if wrong:
                failed += 1
                print(f"{one.sign_in}: {wrong}", file=sys.stderr)
            else:
                made.writerow((one.sign_in, one.password))
        print(f"{len(new) - failed} accounts made, {failed} not.", file=sys.stderr)

    _with_accounts(arguments, make)
    return 1 if failed else 0


def _declare(parser: Parser, run: Callable[[Namespace], int]) -> None:
    add_configuration_option(parser)
    parser.set_defaults(run=run)


def _add_password(parser: Parser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--make-password", action="store_true", help="make one up and show it once")
    choice.add_argument("--password-file", metavar="FILE", type=Path, help="its first line; - = standard input")


def _password(arguments: Namespace) -> tuple[str, str]:
    """(the password, what to tell about it)."""
    from sagews.admin.accounts import new_password

    if arguments.make_password:
        password = new_password()
        return password, f" with the password {password}"
    if arguments.password_file:
        given = sys.stdin if str(arguments.password_file) == "-" else arguments.password_file.open()
        with given:
            return given.readline().rstrip("\r\n"), ""
    if not sys.stdin.isatty():
        raise UsageError(
            "A password cannot be asked for here.",
            mend="Give --make-password, or --password-file FILE (- = standard input).",
        )
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise UsageError("The two passwords differ.", mend="Try again; nothing was changed.")
    return password, ""


def _each(arguments: Namespace, change: Callable[[Accounts, str], Awaitable[None]], done: str) -> int:
    failed = 0

    async def change_all(accounts: Accounts) -> None:
        nonlocal failed
        for name in arguments.names:
            try:
                await change(accounts, name)
                print(f"{name} {done}.")
            except SagewsError as error:
                failed += 1
                print(f"{name}: {error.what}", file=sys.stderr)

    _with_accounts(arguments, change_all)
    return 1 if failed else 0


def _with_accounts(arguments: Namespace, use: Callable[[Accounts], Awaitable[None]]) -> int:
    import asyncio

    from sagews.admin.accounts import Accounts

    async def work() -> None:
        async with Accounts.of(configuration_of(arguments)) as accounts:
            await use(accounts)

    asyncio.run(work())
    return 0
