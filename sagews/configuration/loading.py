"""Reading the configuration: defaults, then the file, then environment variables.

All mistakes are reported at once, each on one line; nothing is returned while there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sagews.configuration import catalogue
from sagews.configuration.declare import Named, Rule, is_section
from sagews.configuration.document import Document, read_document
from sagews.configuration.lines import Key
from sagews.configuration.mistakes import Mistakes, dotted, hint_for_key, unknown_variables
from sagews.configuration.site import Configuration, contradictions
from sagews.configuration.values import Wrong, allowed, checked, from_text, shortened

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A configuration, and for each setting (by its full name) where its value comes from."""

    configuration: Configuration
    origins: Mapping[str, str]


def load(path: Path | None, environ: Mapping[str, str]) -> Configuration:
    """Read the configuration of a site.

    :param path: a TOML file, or None for the defaults.
    :param environ: environment variables; ``SAGEWS_BACKEND_PORT`` sets ``backend.port``.
    :raises ConfigurationError: with one line for each mistake.
    """
    return load_with_origins(path, environ).configuration


def load_with_origins(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """As `load`, and tells where each value comes from: ``default``, ``file line 3`` or ``environment NAME``."""
    reader = Reader(path, environ)
    configuration = reader.read()
    origins = {dotted(key): origin for key, origin in reader.origins.items()}
    return Loaded(configuration=configuration, origins=MappingProxyType(origins))


class Reader:
    """One reading of one file: walks the declarations, collects values, their origins and the mistakes."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._mistakes = Mistakes(path)
        self._document = Document()
        self._variables = frozenset(entry.variable for entry in catalogue.entries()) - {""}
        self.origins: dict[Key, str] = {}

    def read(self) -> Configuration:
        """The configuration, if there is no mistake.

        :raises ConfigurationError: if there is.
        """
        if self._path:
            self._document = read_document(self._path, self._mistakes)
        unknown_variables(self._environ, self._variables, self._mistakes)
        configuration: Configuration = self._section(Configuration(), self._document.tree, ())
        if not self._mistakes:
            for found in contradictions(configuration):
                self._blame(_key(found.name), found.what, _key(found.against))
        if self._mistakes:
            self._mistakes.tell()
        return configuration

    def _section(self, default: Any, tree: dict[str, Any], path: Key) -> Any:
        """A section with what the tree has for it; ``default`` is of the section's class."""
        known = {field.name: field for field in fields(default)}
        for name in tree:
            if name not in known:
                self._blame((*path, name), f"is unknown; {hint_for_key((*path, name), list(known))}")
        return replace(default, **{name: self._field(field, default, tree, path) for name, field in known.items()})

    def _field(self, field: Field[Any], section: Any, tree: dict[str, Any], path: Key) -> Any:
        """One field of a section, which is a setting, a section or a named group."""
        of: type[DataclassInstance] = type(section)
        below, kind, default = (*path, field.name), catalogue.kinds(of)[field.name], getattr(section, field.name)
        rule = catalogue.rule_of(field)
        if isinstance(rule, Rule):
            return self._setting(kind, rule, default, tree, below)
        inner = tree.get(field.name, {})
        if not isinstance(inner, dict):
            self._blame(below, f"is {shortened(inner)}; allowed: a table [{dotted(below)}]")
            return default
        return self._section(default, inner, below) if is_section(kind) else self._named(rule, default, inner, below)

    def _named(self, rule: Named | None, default: Mapping[str, Any], tree: dict[str, Any], path: Key) -> Any:
        """A named group: the defaults, changed and added to by the tree."""
        assert rule is not None, f"{dotted(path)} is declared neither as a setting nor as a section"
        result = dict(default)
        for name in [*default, *(name for name in tree if name not in default)]:
            below, inner = (*path, name), tree.get(name, {})
            if not rule.name.fullmatch(name):
                self._blame(below, "is no name; allowed: a small letter, then up to 30 small letters, digits, - or _")
            elif not isinstance(inner, dict):
                self._blame(below, f"is {shortened(inner)}; allowed: a table [{dotted(below)}]")
            else:
                result[name] = self._section(result.get(name, rule.of()), inner, below)
        return MappingProxyType(result)

    def _setting(self, kind: Any, rule: Rule, default: Any, tree: dict[str, Any], path: Key) -> Any:
        value, folder = self._value(kind, default, tree, path)
        try:
            result = default if value is default else checked(kind, rule, value)
            return folder / result.expanduser() if isinstance(result, Path) else result
        except RuntimeError:  # by expanduser()
            self._blame(path, f"is {shortened(value)}, but there is no such home folder; allowed: a path without ~")
        except Wrong:
            self._blame(path, f"is {shortened(value)}; allowed: {allowed(kind, rule)}")
        return default

    def _value(self, kind: Any, default: Any, tree: dict[str, Any], path: Key) -> tuple[object, Path]:
        """The value in force, not checked yet, and the folder from which a path in it starts. Notes its origin."""
        variable = catalogue.variable(path)
        if variable in self._variables and variable in self._environ:
            self.origins[path] = f"environment {variable}"
            return from_text(kind, self._environ[variable]), Path.cwd()
        if path[-1] in tree and self._path:
            self.origins[path] = f"file line {self._document.line_of(path)}"
            return tree[path[-1]], self._path.absolute().parent
        self.origins[path] = "default"
        return default, Path.cwd()

    def _blame(self, path: Key, what: str, against: Key = ()) -> None:
        """Note a mistake at a key, or at the variable that set it.

        :param against: the key that made it a mistake, where `path` has its default.
        """
        sentence = f"{dotted(path)} {what}"
        place = against if against and self.origins.get(path) == "default" else path
        origin = self.origins.get(place, "")
        if origin.startswith("environment "):
            self._mistakes.in_variable(origin.removeprefix("environment "), sentence)
        else:
            self._mistakes.in_file(self._document.line_of(place), sentence)


def _key(name: str) -> Key:
    """Of a setting's full name; of none, nothing."""
    return tuple(name.split(".")) if name else ()
