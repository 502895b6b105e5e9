"""What a verb of `sagews` is: a module in `commands/` with a function `add` that declares it.

    def add(verbs: Verbs) -> None:
        parser = verbs.add("status", "Say what runs.", examples=("sagews status",))
        parser.set_defaults(run=status)

    def status(arguments: Namespace) -> int: ...

The function given as ``run`` gets the parsed arguments and returns the exit status; it raises a `SagewsError` for what
goes wrong. Imports that take long belong into it, so that `sagews --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from sagews.configuration import Configuration, load
from sagews.configuration.catalogue import nearest
from sagews.errors import UsageError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

CONFIGURATION_NAME = "sagews.toml"
FILES = (Path(CONFIGURATION_NAME), Path("~/.config/sagews/sagews.toml"), Path("/etc/sagews/sagews.toml"))
"""Where a configuration file is looked for when none is named."""


class Command(Protocol):
    """A module in `commands/`."""

    def add(self, verbs: Verbs) -> None:
        """Declare the verb or verbs."""


class Parser(ArgumentParser):
    """A parser that raises instead of leaving the program, and whose help ends with examples."""

    def error(self, message: str) -> NoReturn:
        """:raises UsageError: always."""
        raise UsageError(f"{_sentence(message)}.", mend=f"`{self.prog} --help` shows what is allowed.")

    def parse_known_args(  # type: ignore[override]  # one signature stands for all of its overloads
        self, args: Sequence[str] | None = None, namespace: Namespace | None = None
    ) -> tuple[Namespace, list[str]]:
        """As `ArgumentParser`'s, but unknown options are refused by the verb that does not know them."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            meant = nearest(unknown[0].split("=")[0], known)
            hint = f"did you mean {meant}?" if meant else f"allowed: {', '.join(known)}."
            raise UsageError(
                f"There is no place for the argument {unknown[0][:60]!r}; {hint}",
                mend=f"`{self.prog} --help` shows what is allowed.",
            )
        return parsed, unknown

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        words = [str(choice) for choice in action.choices]
        meant = nearest(str(value), words)
        hint = f"did you mean {meant}?" if meant else f"allowed: {', '.join(words)}."
        raise UsageError(
            f"There is no {str(action.metavar or action.dest).lower()} {str(value)[:60]!r}; {hint}",
            mend=f"`{self.prog} --help` shows what is allowed.",
        )


class Verbs:
    """The verbs of a program, or of one of its verbs."""

    def __init__(self, parser: Parser) -> None:
        self._actions: _SubParsersAction[Parser] = parser.add_subparsers(
            title="commands", metavar="COMMAND", dest="command", parser_class=Parser
        )
        parser.set_defaults(run=_show_help(parser))

    def add(self, name: str, about: str, *, examples: tuple[str, ...]) -> Parser:
        """Declare one verb.

        :param about: one sentence.
        :param examples: command lines, optionally with two spaces and ``# what it does`` after them.
        """
        return self._actions.add_parser(name, help=about, **_described(about, examples))

    def add_unlisted(self, name: str, about: str, *, examples: tuple[str, ...]) -> Parser:
        """As `add`, but for programs: the list of commands does not have it."""
        return self._actions.add_parser(name, **_described(about, examples))


def _described(about: str, examples: tuple[str, ...]) -> dict[str, Any]:
    return {
        "description": about,
        "epilog": examples_text(examples),
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


def examples_text(examples: tuple[str, ...]) -> str:
    """Examples as they stand below a help text."""
    return "\n  ".join(["examples:", *examples])


def add_configuration_option(parser: Parser) -> None:
    """Declare ``--config FILE``."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration file (TOML); default: SAGEWS_CONFIG, or sagews.toml here",
    )


def configuration_file(arguments: Namespace) -> Path | None:
    """The configuration file in force: ``--config``, ``SAGEWS_CONFIG``, or the first of `FILES` that exists."""
    if arguments.config:
        return Path(arguments.config)
    if os.environ.get("SAGEWS_CONFIG"):
        return Path(os.environ["SAGEWS_CONFIG"])
    return next((path for path in map(_expanded, FILES) if path and path.is_file()), None)


def configuration_of(arguments: Namespace) -> Configuration:
    """The configuration in force for a verb that has `add_configuration_option`."""
    return load(configuration_file(arguments), os.environ)


def _expanded(path: Path) -> Path | None:
    try:
        return path.expanduser()
    except RuntimeError:  # this user has no home folder, so no file in it
        return None


def _show_help(parser: Parser) -> Callable[[Namespace], int]:
    def run(_: Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    return run


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")
