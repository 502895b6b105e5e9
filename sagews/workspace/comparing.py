"""Compares two contents of a file in a process of its own: JSON on standard input and output.

    python -m sagews.workspace.comparing < {"old": "a", "new": "b", "is_worksheet": false}

Invariant: it has bounds of memory and time, and no way to anything but its input: how long comparing takes is in the
hands of who wrote the contents (`difflib`), and harms nobody else.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from sagews.errors import UsageError
from sagews.workspace.comparison import ComparedLine, compare_notebooks, compare_texts
from sagews.workspace.notebook import read

MEMORY_BYTES = 2 * 2**30
CPU_SECONDS = 20


def compared(old: str, new: str, *, is_worksheet: bool) -> dict[str, Any]:
    """What differs: `kind` and `cells` of worksheets, or `kind` and `lines` of texts."""
    if is_worksheet:
        try:
            cells = compare_notebooks(read(old), read(new))
        except UsageError:
            cells = ()  # it is no worksheet, whatever it is called
        if cells:
            return {"kind": "worksheet", "cells": [{**vars(cell), "lines": _lines(cell.lines)} for cell in cells]}
    return {"kind": "text", "lines": _lines(compare_texts(old, new))}


def _lines(lines: tuple[ComparedLine, ...]) -> list[dict[str, Any]]:
    return [vars(line) for line in lines]


def main() -> None:
    """Read one request, answer it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    told = json.dumps(compared(**json.load(sys.stdin.buffer)), ensure_ascii=False)
    sys.stdout.buffer.write(told.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
