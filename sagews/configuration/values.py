"""Single values: read from TOML or text, checked by their rule, shown to people."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from sagews.configuration.declare import Rule

LONGEST_SHOWN = 60
PASSWORD = re.compile(r"(://[^:/@\s]*):\S*@")
WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
DECIMAL = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
TUPLE_OF_STRINGS = tuple[str, ...]
SWITCH = MappingProxyType({"true": True, "false": False})


class Wrong(Exception):
    """A value that its setting does not allow; only inside this package."""


def checked(kind: Any, rule: Rule, value: object) -> Any:
    """The value as its setting's type.

    :param kind: the declared type, see `declare`.
    :param value: what the TOML file has, or what `from_text` made of a variable.
    :raises Wrong: where type or rule do not allow it.
    """
    result = _converted(kind, value)
    for text in result if isinstance(result, tuple) else (result,):
        _check_one(kind, rule, text)
    return result


def from_text(kind: Any, text: str) -> object:
    """What an environment variable's text means to a setting of this type; text that means nothing is returned."""
    stripped = text.strip()
    if kind is bool:
        return SWITCH.get(stripped.lower(), text)
    if kind is int:
        return int(stripped) if WHOLE.fullmatch(stripped) else text
    if kind is float:
        return float(stripped) if DECIMAL.fullmatch(stripped) else text
    if kind == TUPLE_OF_STRINGS:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _converted(kind: Any, value: object) -> Any:
    if kind is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    if kind == TUPLE_OF_STRINGS and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    if type(value) is kind:
        return value
    raise Wrong


def _check_one(kind: Any, rule: Rule, value: Any) -> None:
    if isinstance(value, str | Path) and not str(value).isprintable():
        raise Wrong
    if isinstance(value, str) and rule.matches and not rule.matches.fullmatch(value):
        raise Wrong
    if kind not in (int, float):
        return
    if not math.isfinite(value):
        raise Wrong
    if (rule.at_least is not None and value < rule.at_least) or (rule.at_most is not None and value > rule.at_most):
        raise Wrong


def allowed(kind: Any, rule: Rule) -> str:
    """What a setting allows, in words that complete "allowed: "."""
    if get_origin(kind) is Literal:
        return " or ".join(shown(word) for word in get_args(kind))
    if kind is int or kind is float:
        words = "a whole number" if kind is int else "a number"
        return f"{words} from {shown(rule.at_least)} to {shown(rule.at_most)}"
    if kind == TUPLE_OF_STRINGS:
        return f"a list of strings ({rule.allowed})" if rule.allowed else "a list of strings"
    if kind is bool:
        return "true or false"
    if kind is Path:
        return "a path, in quotes"
    return f"{rule.allowed}, in quotes" if rule.allowed else "a string, in quotes"


def shown(value: object) -> str:
    """A value on one line as TOML writes it; passwords in addresses are left out."""
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        return _toml_string(PASSWORD.sub(r"\1:...@", value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(shown(item) for item in value)}]"
    return str(value)


def _toml_string(text: str) -> str:
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def shortened(value: object) -> str:
    """A value that may be anything, for a message: one line, not long."""
    writers: dict[type, Callable[[Any], str]] = {dict: lambda _: "a table", list: lambda _: "a list"}
    if isinstance(value, int) and abs(value) > 10**20:
        return "a huge number"
    text = writers.get(type(value), shown)(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
