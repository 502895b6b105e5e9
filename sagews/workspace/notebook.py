"""Worksheets as ``.ipynb`` files (notebook format 4.5) and back. Pure: text in, values out.

The format is that of https://nbformat.readthedocs.io/en/latest/format_description.html; `nbformat`
reads older versions, and checks what is written.
"""

from __future__ import annotations

import json
import re
import uuid
import warnings
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat.validator import normalize

from sagews.errors import UsageError

CELL_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
CELL_TYPES = ("code", "markdown", "raw")

JSON = Any


@dataclass(frozen=True)
class Cell:
    """One cell of a worksheet, as a person wrote it."""

    id: str
    type: str
    source: str
    metadata: dict[str, JSON] = field(default_factory=dict)
    attachments: dict[str, JSON] | None = None


@dataclass(frozen=True)
class CellOutputs:
    """What the last run of a code cell left behind."""

    execution_count: int | None = None
    outputs: tuple[dict[str, JSON], ...] = ()


@dataclass(frozen=True)
class Notebook:
    """A worksheet's content at one moment."""

    cells: tuple[Cell, ...] = ()
    metadata: dict[str, JSON] = field(default_factory=dict)
    outputs: dict[str, CellOutputs] = field(default_factory=dict)
    """By the id of the cell."""


def new_cell_id() -> str:
    """A random id for a cell, as the format allows it."""
    return uuid.uuid4().hex[:16]


def read(text: str) -> Notebook:
    """The notebook in an ``.ipynb`` file of any version 1 ... 4.

    :raises UsageError: where the text is no notebook.
    """
    if not text.strip():
        return Notebook()
    try:
        with warnings.catch_warnings():
            # Older files have no cell ids, or have one twice: `_cells` gives them new ones.
            warnings.simplefilter("ignore")
            node = nbformat.reads(text, as_version=4)
        data = json.loads(json.dumps(node))
        cells = _cells(data["cells"])
        pairs = [
            (cell.id, _outputs(raw)) for cell, raw in zip(cells, data["cells"], strict=True) if cell.type == "code"
        ]
        return Notebook(
            cells, dict(data["metadata"]), {cell_id: kept for cell_id, kept in pairs if kept != CellOutputs()}
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, nbformat.ValidationError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise UsageError(
            f"This file is no Jupyter notebook ({reason}).",
            mend="Open it as text, or restore an earlier version.",
        ) from error


def write(notebook: Notebook) -> str:
    """The text of an ``.ipynb`` file, valid by the format's own schema, keys in a fixed order.

    Metadata that the schema forbids is left out, and an output that it forbids is replaced by a note: neither a
    client's edit nor a program's output can keep a worksheet from being saved.
    """
    cells, seen = [], set()
    for cell in notebook.cells:
        cell_id = cell.id if CELL_ID.match(cell.id) and cell.id not in seen else new_cell_id()
        seen.add(cell_id)
        cells.append(_cell_node(cell, cell_id, notebook.outputs.get(cell.id, CellOutputs())))
    data = {"cells": cells, "metadata": notebook.metadata, "nbformat": 4, "nbformat_minor": 5}
    _, node = normalize(nbformat.from_dict(data), strip_invalid_metadata=True)
    nbformat.validate(node)
    return str(nbformat.writes(node, version=4)) + "\n"


def _cells(raw_cells: list[dict[str, Any]]) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    seen: set[str] = set()
    for raw in raw_cells:
        cell_id = raw.get("id")
        if not isinstance(cell_id, str) or not CELL_ID.match(cell_id) or cell_id in seen:
            cell_id = new_cell_id()
        seen.add(cell_id)
        cell_type = raw["cell_type"] if raw["cell_type"] in CELL_TYPES else "raw"
        attachments = raw.get("attachments") if cell_type != "code" else None
        cells.append(Cell(cell_id, cell_type, _joined(raw["source"]), dict(raw.get("metadata", {})), attachments))
    return tuple(cells)


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _outputs(raw: dict[str, Any]) -> CellOutputs:
    return CellOutputs(raw.get("execution_count"), tuple(raw.get("outputs", ())))


def _cell_node(cell: Cell, cell_id: str, outputs: CellOutputs) -> dict[str, Any]:
    node: dict[str, Any] = {"cell_type": cell.type, "id": cell_id, "metadata": cell.metadata, "source": cell.source}
    if cell.type == "code":
        node["execution_count"] = outputs.execution_count or None
        node["outputs"] = [_valid_output(output) for output in outputs.outputs]
    elif cell.attachments:
        node["attachments"] = cell.attachments
    return node


def _valid_output(output: dict[str, Any]) -> dict[str, Any]:
    try:
        nbformat.validate(nbformat.from_dict(output), ref="output", version=4, version_minor=5)
    except nbformat.ValidationError as error:
        text = f"[An output could not be saved as a notebook output: {error.message[:200]}]\n"
        return {"output_type": "stream", "name": "stderr", "text": text}
    return output
