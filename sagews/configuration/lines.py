"""On which line of a TOML file a key stands.

`tomllib` does not tell. But a TOML document is a row of statements, each of which is a document by itself: the
shortest run of whole lines that `tomllib` accepts. So the file is cut into statements, and each is read alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Key = tuple[str, ...]

LONGEST_STATEMENT_LINES = 1000
"""Each further line costs reading the statement again; what comes after a longer one is not located."""


def lines_of_keys(text: str) -> dict[Key, int]:
    """The line (from 1) of each key and table, by its path.

    :param text: a valid TOML document (`tomllib` has read it).
    """
    found: dict[Key, int] = {}
    table: Key = ()
    for number, statement in _statements(text):
        tree = tomllib.loads(statement)
        keys = list(_keys(tree))
        if statement.lstrip(" \t").startswith("["):
            table = keys[-1]
            base: Key = ()
        else:
            base = table
        for key in keys:
            found.setdefault(base + key, number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the number of its first line; empty lines and comments are left out."""
    pending: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not pending and (not line.strip(" \t") or line.lstrip(" \t").startswith("#")):
            continue
        pending.append(line)
        if len(pending) > LONGEST_STATEMENT_LINES:
            return
        statement = "\n".join(pending)
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield number - len(pending) + 1, statement
        pending = []


def _keys(tree: dict[str, Any]) -> Iterator[Key]:
    """Paths of everything in a tree, parents first; tables in a list have the list's path."""
    for name, value in tree.items():
        yield (name,)
        inner = value if isinstance(value, list) else [value]
        for item in inner:
            if isinstance(item, dict):
                yield from ((name, *rest) for rest in _keys(item))
