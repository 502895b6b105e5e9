"""Changing a shared text into another one, by as little as possible, so that cursors and others' edits stay. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pycrdt import Text

MOST_COMPARISONS = 4_000_000
"""Of lines with lines; what differs more is replaced as a whole."""


def differences(now: Sequence[Any], wanted: Sequence[Any]) -> Sequence[tuple[str, int, int, int, int]]:
    """What makes `wanted` of `now`, as `difflib` tells it."""
    return difflib.SequenceMatcher(None, now, wanted, autojunk=False).get_opcodes()


def edit_text(text: Text, now: str, wanted: str) -> None:
    """Change `text` line by line; pycrdt counts positions in bytes of UTF-8."""
    old, new = now.splitlines(keepends=True), wanted.splitlines(keepends=True)
    # Most changes leave most of a long text alone, and comparing takes time with the square of the rest.
    same = _same(old, new)
    ending = _same(old[same:][::-1], new[same:][::-1])
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line.encode()))
    middle = _compared(old[same : len(old) - ending], new[same : len(new) - ending])
    for tag, i1, i2, j1, j2 in reversed(middle):
        if tag in ("replace", "delete"):
            del text[starts[same + i1] : starts[same + i2]]
        if tag in ("replace", "insert"):
            text.insert(starts[same + i1], "".join(new[same + j1 : same + j2]))


def _compared(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(old) * len(new) > MOST_COMPARISONS:
        return [("replace", 0, len(old), 0, len(new))]
    return differences(old, new)


def _same(one: Sequence[str], two: Sequence[str]) -> int:
    """How many lines at the beginning are the same."""
    count = 0
    for line, other in zip(one, two, strict=False):
        if line != other:
            break
        count += 1
    return count
