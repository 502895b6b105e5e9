"""Comparing two versions of a file: text by lines, worksheets by cells and their lines. Pure.

Invariant: what is told has both versions in it, except for stretches that are the same, of which only the part
next to a difference is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sagews.workspace.notebook import Cell, CellOutputs, Notebook

CONTEXT = 3
"""Lines shown before and after a difference."""
MOST_LINES = 20_000
"""Of one version; comparing takes up to the product of both."""

LineChange = Literal["same", "added", "deleted", "skipped"]
CellChange = Literal["same", "added", "deleted", "changed", "moved"]


@dataclass(frozen=True)
class ComparedLine:
    """A line of either version or both; `skipped` stands for lines that are the same."""

    change: LineChange
    text: str


@dataclass(frozen=True)
class ComparedCell:
    """A cell of either version or both."""

    id: str
    type: str
    change: CellChange
    lines: tuple[ComparedLine, ...]
    outputs_changed: bool = False


def compare_texts(old: str, new: str) -> tuple[ComparedLine, ...]:
    """The lines of two texts; a text with more than `MOST_LINES` is cut there."""
    return tuple(_lines(old.splitlines()[:MOST_LINES], new.splitlines()[:MOST_LINES]))


def compare_notebooks(old: Notebook, new: Notebook) -> tuple[ComparedCell, ...]:
    """The cells of two worksheets, in the order of the new one; what was deleted stands where it was."""
    old_keys, new_keys = _keys(old, new)
    known, kept = dict(zip(old_keys, old.cells, strict=True)), set(new_keys)
    found: list[ComparedCell] = []
    matcher = difflib.SequenceMatcher(None, old_keys, new_keys, autojunk=False)
    for what, i, j, k, m in matcher.get_opcodes():
        if what != "equal":
            gone = (number for number in range(i, j) if old_keys[number] not in kept)
            found += [_cell(old.cells[number], None, old, new, "deleted") for number in gone]
        for number in range(k, m):
            cell, before = new.cells[number], known.get(new_keys[number])
            found.append(_compared(before, cell, old, new, is_moved=what != "equal"))
    return tuple(found)


def _keys(old: Notebook, new: Notebook) -> tuple[list[str], list[str]]:
    """What makes cells the same: their ids; in files without ids, which have got new ones, what they say."""
    ids = [cell.id for cell in old.cells], [cell.id for cell in new.cells]
    if set(ids[0]) & set(ids[1]):
        return ids
    return _by_source(old.cells), _by_source(new.cells)


def _by_source(cells: Sequence[Cell]) -> list[str]:
    seen: dict[str, int] = {}
    keys = []
    for cell in cells:
        seen[cell.source] = number = seen.get(cell.source, 0) + 1
        keys.append(f"{number} {cell.type} {cell.source}")
    return keys


def _compared(before: Cell | None, cell: Cell, old: Notebook, new: Notebook, *, is_moved: bool) -> ComparedCell:
    if before is None:
        return _cell(None, cell, old, new, "added")
    outputs = _shown(old, before) != _shown(new, cell)
    is_changed = outputs or (before.source, before.type) != (cell.source, cell.type)
    return _cell(before, cell, old, new, "changed" if is_changed else "moved" if is_moved else "same")


def _cell(before: Cell | None, cell: Cell | None, old: Notebook, new: Notebook, change: CellChange) -> ComparedCell:
    one = cell or before
    assert one is not None
    lines = compare_texts(before.source if before else "", cell.source if cell else "")
    outputs = bool(before and cell) and _shown(old, before) != _shown(new, cell)
    return ComparedCell(one.id, one.type, change, () if change == "same" else lines, outputs)


def _shown(notebook: Notebook, cell: Cell | None) -> tuple[object, ...]:
    """The outputs of a cell, without the number of its run."""
    found = notebook.outputs.get(cell.id, CellOutputs()) if cell is not None else CellOutputs()
    return tuple({**output, "execution_count": None} for output in found.outputs)


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[ComparedLine]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=True)
    told = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        skipped = group[0][1] - told
        if skipped:
            yield ComparedLine("skipped", f"{skipped} lines that are the same")
        for what, i, j, k, m in group:
            if what == "equal":
                yield from (ComparedLine("same", line) for line in old[i:j])
            else:
                yield from (ComparedLine("deleted", line) for line in old[i:j])
                yield from (ComparedLine("added", line) for line in new[k:m])
            told = j
    if len(old) > told:
        yield ComparedLine("skipped", f"{len(old) - told} lines that are the same")
