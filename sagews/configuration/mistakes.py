"""Mistakes in a configuration: collected while reading, told all at once, one line each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from sagews.configuration import catalogue
from sagews.configuration.lines import Key
from sagews.errors import ConfigurationError

LONGEST_KEY = 60
PLAIN_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_KEY}}}")
AFTER_THE_FILE = 10**9


class Mistakes:
    """The mistakes found so far. Those of the file come first, by line, then those of variables."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._found: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._found)

    def in_file(self, line: int, what: str) -> None:
        """Note a mistake on a line of the file; 0 where the line is not known."""
        where = f"{self._path}:{line}" if line else f"{self._path}"
        self._found.append((line, f"{where}: {what}"))

    def in_variable(self, variable: str, what: str) -> None:
        """Note a mistake in an environment variable."""
        self._found.append((AFTER_THE_FILE, f"{shown_key(variable)}: {what}"))

    def tell(self) -> NoReturn:
        """:raises ConfigurationError: with all that was found."""
        raise ConfigurationError("\n".join(what for _, what in sorted(self._found, key=lambda mistake: mistake[0])))


def hint_for_key(path: Key, siblings: list[str]) -> str:
    """What was probably meant by an unknown key, or what is allowed beside it."""
    meant = catalogue.nearest(path[-1], siblings)
    if meant:
        return f"did you mean {dotted((*path[:-1], meant))}?"
    names = [entry.name for entry in catalogue.entries()]
    elsewhere = next((name for name in names if name.split(".")[-1] == path[-1]), "")
    elsewhere = elsewhere or catalogue.nearest(dotted(path), names, alike=0.85)
    return f"did you mean {elsewhere}?" if elsewhere else f"allowed here: {', '.join(siblings)}"


def unknown_variables(environ: Mapping[str, str], known: frozenset[str], mistakes: Mistakes) -> None:
    """Note every variable that begins as ours do and is none."""
    for variable in sorted(environ):
        if not variable.startswith(catalogue.PREFIX) or variable in known | catalogue.NOT_SETTINGS:
            continue
        meant = catalogue.nearest(variable, sorted(known), alike=0.8)
        hint = f"did you mean {meant}?" if meant else "allowed: the variables of `sagews config reference`"
        mistakes.in_variable(variable, f"is no variable of a setting; {hint}")


def dotted(path: Key) -> str:
    """A key's full name on one line, whatever its parts consist of."""
    return ".".join(shown_key(name) for name in path)


def shown_key(name: str) -> str:
    """One part of a key as TOML writes it, not too long."""
    if PLAIN_KEY.fullmatch(name):
        return name
    return json.dumps(name if len(name) <= LONGEST_KEY else name[: LONGEST_KEY - 3] + "...")
