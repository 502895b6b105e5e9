"""All declared settings in a row, with the names that files and variables use for them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from inspect import getdoc
from typing import TYPE_CHECKING, Any, get_type_hints

from sagews.configuration.declare import RULE, Named, Rule, is_section
from sagews.configuration.site import Configuration

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PREFIX = "SAGEWS_"
ANY_NAME = "NAME"
NOT_SETTINGS = frozenset({"SAGEWS_CONFIG", "SAGEWS_DEBUG", "SAGEWS_TOKEN", "SAGEWS_URL"})
"""Variables of ours that are no settings: the configuration file, tracebacks, and what clients read."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One declared setting."""

    path: tuple[str, ...]
    kind: Any
    default: Any
    rule: Rule

    @property
    def name(self) -> str:
        """Its name in the reference: ``worker.session.memory_megabytes``."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """Its environment variable; empty for settings of named groups, which have none."""
        return "" if ANY_NAME in self.path else variable(self.path)


@dataclass(frozen=True, kw_only=True)
class Group:
    """One section, with its own settings."""

    path: tuple[str, ...]
    help: str
    entries: tuple[Entry, ...]


@cache
def kinds(of: type[DataclassInstance]) -> dict[str, Any]:
    """The types of a section's fields."""
    return get_type_hints(of)


def rule_of(field: Field[Any]) -> Rule | Named | None:
    """What is declared of a field that is a setting or a named group; None of a section."""
    rule: Rule | Named | None = field.metadata.get(RULE)
    return rule


def variable(path: tuple[str, ...]) -> str:
    """The environment variable of a setting."""
    return PREFIX + "_".join(path).upper()


def groups(of: type[DataclassInstance] = Configuration, path: tuple[str, ...] = (), about: str = "") -> Iterator[Group]:
    """Every section, parents first, in the order of declaration."""
    own = [field for field in fields(of) if isinstance(rule_of(field), Rule)]
    entries = tuple(
        Entry(path=(*path, field.name), kind=kinds(of)[field.name], default=_default(field), rule=field.metadata[RULE])
        for field in own
    )
    yield Group(path=path, help=about or (getdoc(of) or "").split("\n\n")[0], entries=entries)
    for field in fields(of):
        below, kind, rule = (*path, field.name), kinds(of)[field.name], rule_of(field)
        if isinstance(rule, Named):
            yield from groups(rule.of, (*below, ANY_NAME), rule.help)
        elif is_section(kind):
            yield from groups(kind, below)


def entries() -> Iterator[Entry]:
    """Every setting, in the order of declaration."""
    for group in groups():
        yield from group.entries


def _default(field: Field[Any]) -> Any:
    if field.default is MISSING:
        raise TypeError(f"The setting {field.name} has no default.")
    return field.default


def nearest(word: str, known: list[str], alike: float = 0.6) -> str:
    """The known word that was probably meant, or an empty string.

    :param alike: how much of both words has to agree, from 0 to 1.
    """
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=alike)), "")
