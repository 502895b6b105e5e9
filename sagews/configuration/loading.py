"""Reading the configuration: defaults, then the file, then environment variables.

All mistakes are reported at once, each on one line; nothing is returned while there is one.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sagews.configuration import catalogue
from sagews.configuration.declare import is_section
from sagews.configuration.lines import Key, lines_of_keys
from sagews.configuration.site import Configuration, contradictions
from sagews.configuration.values import Wrong, allowed, checked, from_text, shortened
from sagews.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LARGEST_FILE_BYTES = 2**20


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
    """As `load`, and tells where each value comes from."""
    reader = Reader(path, environ)
    configuration = reader.read()
    return Loaded(configuration=configuration, origins=MappingProxyType(reader.origins))


class Reader:
    """One reading of one file: collects values, their origins and the mistakes."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self.path = path
        self.environ = environ
        self.origins: dict[str, str] = {}
        self._mistakes: list[tuple[int, str]] = []
        self._lines: dict[Key, int] = {}

    def read(self) -> Configuration:
        """The configuration, if there is no mistake."""
        tree = self._tree(self.path) if self.path else {}
        self._check_variables()
        configuration: Configuration = self._section(Configuration(), tree, ())
        if not self._mistakes:
            for name, what in contradictions(configuration):
                self._blame(tuple(name.split(".")), what)
        if self._mistakes:
            lines = [line for _, line in sorted(self._mistakes, key=lambda mistake: mistake[0])]
            raise ConfigurationError("\n".join(lines))
        return configuration

    # -- the file

    def _tree(self, path: Path) -> dict[str, Any]:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"The configuration file {path} cannot be read: {error.strerror}.", mend="Check its name and permissions."
            ) from error
        try:
            if len(data) > LARGEST_FILE_BYTES:
                raise ValueError(f"is larger than a configuration can be; allowed: {LARGEST_FILE_BYTES} bytes")
            text = data.decode("utf-8-sig")
            tree = tomllib.loads(text)
            self._lines = lines_of_keys(text)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._mistake(line, f"byte {data[error.start]:#04x} is no text; allowed: UTF-8")
        except RecursionError:
            self._mistake(1, "brackets are nested too deeply; allowed: tables as in `sagews config example`")
        except ValueError as error:
            line, what = _syntax_error(str(error), data)
            self._mistake(line, what)
        else:
            return tree
        return {}

    def _section(self, default: Any, tree: dict[str, Any], path: Key) -> Any:
        """A section with what the tree has for it; ``default`` is of the section's class."""
        of: type[DataclassInstance] = type(default)
        known = {field.name: field for field in fields(of)}
        for name in tree.keys() - known.keys():
            self._unknown((*path, name), list(known))
        changes = {
            name: self._field(of, field, getattr(default, name), tree, path) for name, field in known.items()
        }
        return replace(default, **changes)

    def _field(
        self, of: type[DataclassInstance], field: Field[Any], default: Any, tree: dict[str, Any], path: Key
    ) -> Any:
        below = (*path, field.name)
        if catalogue.rule_of(field):
            return self._setting(of, field, default, tree, below)
        inner = tree.get(field.name, {})
        if not isinstance(inner, dict):
            self._blame(below, f"is {shortened(inner)}; allowed: a table [{_dotted(below)}]")
            return default
        if is_section(catalogue.kinds(of)[field.name]):
            return self._section(default, inner, below)
        return self._named(field, default, inner, below)

    def _named(self, field: Field[Any], default: Mapping[str, Any], tree: dict[str, Any], path: Key) -> Any:
        rule = catalogue.named_of(field)
        if rule is None:
            raise TypeError(f"{field.name} is neither a setting nor a section.")
        result = dict(default)
        for name in [*default, *(name for name in tree if name not in default)]:
            inner = tree.get(name, {})
            if not rule.name.fullmatch(name):
                self._blame((*path, name), "is no name; allowed: up to 31 small letters, digits, - and _, a letter first")
            elif not isinstance(inner, dict):
                self._blame((*path, name), f"is {shortened(inner)}; allowed: a table [{_dotted((*path, name))}]")
            else:
                result[name] = self._section(result.get(name, rule.of()), inner, (*path, name))
        return MappingProxyType(result)

    def _setting(
        self, of: type[DataclassInstance], field: Field[Any], default: Any, tree: dict[str, Any], path: Key
    ) -> Any:
        kind, name = catalogue.kinds(of)[field.name], ".".join(path)
        variable = catalogue.PREFIX + "_".join(path).upper()
        value: object = default
        base = Path.cwd()
        self.origins[name] = "default"
        if variable in self.environ:
            value, self.origins[name] = from_text(kind, self.environ[variable]), f"environment {variable}"
        elif field.name in tree:
            value, self.origins[name] = tree[field.name], f"file line {self._lines.get(path, 1)}"
            base = self.path.absolute().parent if self.path else base
        try:
            rule = field.metadata[catalogue.RULE]
            result = default if value is default else checked(kind, rule, value)
            return base / result.expanduser() if isinstance(result, Path) else result
        except RuntimeError:
            self._blame(path, f"is {shortened(value)}, but there is no such home folder; allowed: a path without ~")
        except Wrong:
            self._blame(path, f"is {shortened(value)}; allowed: {allowed(kind, rule)}")
        return default

    # -- mistakes

    def _check_variables(self) -> None:
        known = {entry.variable for entry in catalogue.entries()} - {""}
        for variable in sorted(self.environ):
            if not variable.startswith(catalogue.PREFIX) or variable in known | catalogue.NOT_SETTINGS:
                continue
            meant = catalogue.nearest(variable, sorted(known))
            hint = f"did you mean {meant}?" if meant else "allowed: the variables of `sagews config reference`"
            self._mistakes.append((10**9, f"{_shown_key(variable)} is an unknown variable; {hint}"))

    def _unknown(self, path: Key, siblings: list[str]) -> None:
        meant = catalogue.nearest(path[-1], siblings)
        if meant:
            hint = f"did you mean {_dotted((*path[:-1], meant))}?"
        else:
            names = [entry.name for entry in catalogue.entries()]
            elsewhere = [name for name in names if name.split(".")[-1] == path[-1]]
            elsewhere = elsewhere or [name for name in [catalogue.nearest(_dotted(path), names)] if name]
            hint = f"did you mean {elsewhere[0]}?" if elsewhere else f"allowed here: {', '.join(siblings)}"
        self._blame(path, f"is unknown; {hint}")

    def _blame(self, path: Key, what: str) -> None:
        """Note a mistake at a key, or at the variable that set it."""
        name = _dotted(path)
        origin = self.origins.get(".".join(path), "")
        if origin.startswith("environment "):
            self._mistakes.append((10**9, f"{origin.removeprefix('environment ')}: {name} {what}"))
            return
        line = next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), 0)
        self._mistake(line, f"{name} {what}")

    def _mistake(self, line: int, what: str) -> None:
        where = f"{self.path}:{line}: " if line else ""
        self._mistakes.append((line, where + what))


def _syntax_error(message: str, data: bytes) -> tuple[int, str]:
    """Line and sentence of an error of `tomllib`, which names the line in its text only."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if found:
        return int(found[1]), f"{message[: found.start()]} in column {found[2]}; allowed: TOML, such as name = \"value\""
    last = len(data.splitlines()) or 1
    return last, f"{message.removesuffix(' (at end of document)')}; allowed: TOML, such as name = \"value\""


def _dotted(path: Key) -> str:
    return ".".join(_shown_key(name) for name in path)


def _shown_key(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
        return name
    return json.dumps(name if len(name) <= 60 else name[:57] + "...")
