"""How a setting is declared: once, as a field of a frozen dataclass.

A section is a frozen dataclass, a setting one field of it::

    @dataclass(frozen=True, kw_only=True)
    class Session:
        "What one session may use."

        memory_megabytes: int = setting(1024, "Memory that a session may use.", at_least=64, at_most=10**6)

Type, default, check and help stand there and nowhere else; loading, the reference page and the example file are
made from them. The unit of a number belongs in its name. A setting's type is one of `bool`, `int`, `float`, `str`,
`Path`, `Literal` of strings, `tuple[str, ...]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
S = TypeVar("S", bound="DataclassInstance")

RULE = "sagews.rule"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a declaration says besides type and default."""

    help: str
    at_least: float | None = None
    at_most: float | None = None
    matches: re.Pattern[str] | None = None
    allowed: str = ""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A section of which there may be many, each under a name that the operator chooses."""

    of: type[DataclassInstance]
    help: str
    name: re.Pattern[str]


def setting(
    default: T,
    about: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    matches: str = "",
    allowed: str = "",
) -> T:
    """Declare one setting.

    :param about: one or more sentences for the reference page: what it is for, what zero or empty means.
    :param at_least: smallest number allowed; every number has both bounds.
    :param matches: regular expression that a whole string (or each string of a tuple) has to match.
    :param allowed: what ``matches`` allows, in words that complete "allowed: ...".
    """
    pattern = re.compile(matches) if matches else None
    rule = Rule(help=about, at_least=at_least, at_most=at_most, matches=pattern, allowed=allowed)
    result: T = field(default=default, metadata={RULE: rule})
    return result


def section(of: type[S]) -> S:
    """Declare a group of settings inside a section; its help is the first paragraph of the class's docstring."""
    result: S = field(default_factory=of)
    return result


def named(of: type[S], defaults: Mapping[str, S], about: str) -> Mapping[str, S]:
    """Declare a group of which there may be many, each with a name: letters, digits, ``-`` and ``_``.

    A table in the file under the name of a default changes only what it mentions. These settings come from the
    file only, not from environment variables.
    """
    frozen = MappingProxyType(dict(defaults))
    rule = Named(of=of, help=about, name=re.compile(r"[a-z][a-z0-9_-]{0,30}"))
    result: Mapping[str, S] = field(default_factory=lambda: frozen, metadata={RULE: rule})
    return result


def is_section(kind: Any) -> bool:
    """Whether a field's type is a section (and not a setting's type)."""
    return isinstance(kind, type) and is_dataclass(kind)
