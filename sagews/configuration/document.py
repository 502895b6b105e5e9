"""The configuration file as a tree of values, and the line of each key."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sagews.configuration.lines import Key, lines_of_keys
from sagews.configuration.mistakes import Mistakes
from sagews.errors import ConfigurationError

LARGEST_BYTES = 2**18
AS_TOML = 'allowed: TOML, such as name = "value"'


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a file says; empty where there is no file, or no TOML in it."""

    tree: dict[str, Any] = field(default_factory=dict)
    lines: dict[Key, int] = field(default_factory=dict)

    def line_of(self, path: Key) -> int:
        """The line of a key, or else of the table that it is missing from; 0 where neither is in the file."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 0)


def read_document(path: Path, mistakes: Mistakes) -> Document:
    """Read a file; what is no TOML is noted as a mistake.

    :raises ConfigurationError: where the file cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {path} cannot be read: {error.strerror}.", mend="Check its name and permissions."
        ) from error
    if len(data) > LARGEST_BYTES:
        mistakes.in_file(0, f"is too large for a configuration; allowed: {LARGEST_BYTES} bytes")
        return Document()
    try:
        text = data.decode("utf-8-sig")
        return Document(tree=tomllib.loads(text), lines=lines_of_keys(text))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        mistakes.in_file(line, f"byte {data[error.start]:#04x} is no text; allowed: UTF-8")
    except RecursionError:
        mistakes.in_file(0, "brackets are nested too deeply; allowed: tables as in `sagews config example`")
    except ValueError as error:
        # mostly TOMLDecodeError; int() and datetime raise others for numbers and dates out of their range
        mistakes.in_file(*_syntax_error(str(error), data))
    return Document()


def _syntax_error(message: str, data: bytes) -> tuple[int, str]:
    """Line and sentence of an error of `tomllib`, which names the line in its text only."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if found:
        return int(found[1]), f"{message[: found.start()]} in column {found[2]}; {AS_TOML}"
    if message.endswith(" (at end of document)"):
        return data.rstrip().count(b"\n") + 1, f"{message.removesuffix(' (at end of document)')}; {AS_TOML}"
    return 0, f"{message}; {AS_TOML}"
