"""The program `sagews`: reads the command line and hands over to a verb in `commands/`.

Whatever goes wrong ends in one sentence on standard error and an exit status: 2 for what was typed or configured
wrongly, 1 for the rest. With ``SAGEWS_DEBUG=1`` the traceback is shown instead.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from sagews import __version__
from sagews.admin.command import Command, Parser, Verbs, examples_text
from sagews.admin.commands import (
    certs,
    check,
    components,
    config,
    db,
    evaluate,
    init,
    keep,
    limits,
    log,
    run,
    status,
    users,
    workers,
)
from sagews.errors import ConfigurationError, SagewsError, UsageError

COMMANDS: tuple[Command, ...] = (
    run,
    evaluate,
    init,
    components,
    status,
    log,
    check,
    users,
    limits,
    workers,
    certs,
    db,
    config,
    keep,
)
"""Every module with verbs, in the order of the help text."""

EXAMPLES = (
    "sagews run                      # a site for one person on this machine; prints the address to open",
    "sagews eval 'factor(2^64+1)'    # on it",
    "sagews init /srv/sagews         # a whole site: its folder, certificates and first administrator",
    "export SAGEWS_CONFIG=/srv/sagews/sagews.toml",
    "sagews start                    # all of its components, on all of its machines",
    "sagews status                   # what each of them does",
    "sagews check                    # what is wrong, and its mend",
)


def parser() -> Parser:
    """The whole command line."""
    result = Parser(
        prog="sagews",
        description="Sage Workspaces: do mathematics together in a browser.",
        epilog=examples_text(EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=f"sagews {__version__}")
    verbs = Verbs(result)
    for command in COMMANDS:
        command.add(verbs)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    :param arguments: default: those of the process.
    :returns: the exit status.
    """
    try:
        parsed = parser().parse_args(arguments)
        status: int = parsed.run(parsed)
        if sys.stdout:  # there is none where the caller closed it
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130  # as a shell says it: 128 + SIGINT
    except BrokenPipeError:
        # The reader of our output has enough, as in `sagews config show | head`; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last place; every error becomes a sentence here
        return report(error)


def report(error: Exception) -> int:
    """Print an error for people; the exit status it stands for."""
    if os.environ.get("SAGEWS_DEBUG") == "1":
        traceback.print_exception(error)
    elif isinstance(error, SagewsError):
        print(f"sagews: {_paragraph(error)}", file=sys.stderr)
    elif isinstance(error, OSError) and error.strerror:
        name = f" ({error.filename})" if error.filename else ""
        print(f"sagews: {error.strerror}{name}. Mend that and try again.", file=sys.stderr)
    else:
        print(
            f"sagews: Something unexpected happened ({type(error).__name__}: {error}). "
            "Set SAGEWS_DEBUG=1 and try again to see where, and report it.",
            file=sys.stderr,
        )
    return 2 if isinstance(error, UsageError) else 1


def _paragraph(error: SagewsError) -> str:
    """What happened and what to do: on one line, or around the lines of several mistakes."""
    if isinstance(error, ConfigurationError) and error.mend == error.what_to_do:
        return f"The configuration is wrong:\n{error.what}\n{error.what_to_do}"
    what = error.what.rstrip()
    return f"{what}\n{error.what_to_do}" if "\n" in what else f"{what} {error.what_to_do}"
