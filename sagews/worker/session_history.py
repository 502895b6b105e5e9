"""What a session remembers of its runs: the input of all, and nothing twice.

Invariant: a session grows with what the user keeps (`In`, `Out`, their own values), not with how much it has printed,
shown or raised: the worksheet has that.
"""

from __future__ import annotations

import linecache
import re
from collections import deque
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.history import HistoryManager

LATEST_SOURCES = 100
"""Runs whose source a traceback shows, whatever is in it."""
SOURCES = 5000
"""Runs whose source a traceback shows because it defines something that may be called later."""

_DEFINES = re.compile(r"\b(?:def|class|lambda)\b")


class Unkept(dict[int, Any]):
    """Takes what IPython wants to keep of each run, and keeps none of it."""

    def __missing__(self, run: int) -> list[Any]:
        return []

    def __setitem__(self, run: int, value: Any) -> None:
        """Drop it."""


class SessionHistory(HistoryManager):  # type: ignore[misc]
    """History in memory only: no database, no thread."""

    outputs = Unkept()
    """Plots and values; IPython has them for `%notebook` alone, and our worksheets are notebooks."""
    exceptions = Unkept()
    """As `outputs`."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{**arguments, "hist_file": ":memory:", "enabled": False})

    def store_inputs(self, line_num: int, source: str, source_raw: str | None = None) -> None:
        """As IPython does; what waits for the database, which does not exist, goes."""
        super().store_inputs(line_num, source, source_raw)
        self.db_input_cache.clear()


class SessionCompiler(CachingCompiler):  # type: ignore[misc]
    """Keeps the sources that tracebacks may still need: the latest ones, and those of what was defined."""

    def __init__(self) -> None:
        super().__init__()
        self._latest: deque[str] = deque()
        self._defining: deque[str] = deque()

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        """As IPython does; what is too old goes."""
        name = str(super().cache(transformed_code, number, raw_code))
        self._latest.append(name)
        if len(self._latest) > LATEST_SOURCES:
            self._leave(self._latest.popleft())
        return name

    def _leave(self, name: str) -> None:
        """A source is none of the latest any more."""
        if name in self._latest or name in self._defining:
            return
        if name in linecache.cache and _DEFINES.search("".join(linecache.getlines(name))):
            self._defining.append(name)
            if len(self._defining) <= SOURCES:
                return
            name = self._defining.popleft()
        linecache.cache.pop(name, None)
        self._filename_map.pop(name, None)
