"""Worksheet: the shared document of one worksheet, in Yjs. Pure: updates in, updates out.

`docs/protocol.md`, "Documents", has its form. Whatever a client's update does to the document, reading it
gives cells: what does not have the form is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pycrdt import Array, Map, Text

from sagews.workspace.notebook import CELL_TYPES, Cell, CellOutputs, Notebook
from sagews.workspace.shared_document import EMPTY_UPDATE, SharedDocument
from sagews.workspace.text_edit import differences, edit_text


class Worksheet(SharedDocument):
    """One live worksheet. Not thread-safe."""

    def _empty(self) -> None:
        super()._empty()
        self._order: Array[Any] = self._doc.get("order", type=Array)
        self._cells: Map[Any] = self._doc.get("cells", type=Map)
        self._metadata: Map[Any] = self._doc.get("metadata", type=Map)

    @classmethod
    def from_notebook(cls, notebook: Notebook) -> Worksheet:
        """A new document with this content. Two of the same notebook do not merge: seed only once."""
        worksheet = cls()
        worksheet.edit(notebook)
        return worksheet

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells in their order."""
        return tuple(cell for cell in map(self.cell, self._ids()) if cell is not None)

    def cell(self, cell_id: str) -> Cell | None:
        """One cell; None where there is none, or what is there has not the form of one."""
        value = self._cells.get(cell_id)
        if not isinstance(value, Map) or not isinstance(value.get("source"), Text):
            return None
        cell_type = value.get("type")
        metadata, attachments = _plain(value.get("metadata")), _plain(value.get("attachments"))
        return Cell(
            cell_id,
            cell_type if cell_type in CELL_TYPES else "raw",
            str(value["source"]),
            metadata if isinstance(metadata, dict) else {},
            attachments if isinstance(attachments, dict) else None,
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """The notebook's metadata."""
        return {key: _plain(self._metadata[key]) for key in self._metadata.keys()}  # noqa: SIM118 - no mapping

    def notebook(self, outputs: dict[str, CellOutputs] | None = None) -> Notebook:
        """The content now, joined with the outputs of its cells."""
        return Notebook(self.cells, self.metadata, outputs or {})

    def edit(self, notebook: Notebook) -> bytes:
        """Make cells and metadata those of `notebook`, changing as little as possible.

        :returns: the update that does it elsewhere; `EMPTY_UPDATE` where nothing differs.
        """
        updates: list[bytes] = []
        subscription = self._doc.observe(lambda event: updates.append(event.update))
        with self._doc.transaction():
            self._edit_metadata(notebook.metadata)
            for cell in notebook.cells:
                self._edit_cell(cell)
            wanted = [cell.id for cell in notebook.cells]
            self._edit_order(wanted)
            for cell_id in set(self._cells.keys()) - set(wanted):
                del self._cells[cell_id]
        self._doc.unobserve(subscription)
        for update in updates:
            self._remember(update)
        return updates[0] if updates else EMPTY_UPDATE

    def _ids(self) -> Iterator[str]:
        seen: set[str] = set()
        for cell_id in self._order:
            if isinstance(cell_id, str) and cell_id not in seen:
                seen.add(cell_id)
                yield cell_id

    def _edit_metadata(self, metadata: dict[str, Any]) -> None:
        now = self.metadata
        for key in set(now) - set(metadata):
            del self._metadata[key]
        for key, value in metadata.items():
            if key not in now or now[key] != value:
                self._metadata[key] = value

    def _edit_cell(self, cell: Cell) -> None:
        now = self.cell(cell.id)
        if now is None:
            values: dict[str, Any] = {"type": cell.type, "source": Text(cell.source), "metadata": cell.metadata}
            if cell.attachments:
                values["attachments"] = cell.attachments
            self._cells[cell.id] = Map(values)
            return
        here = self._cells[cell.id]
        if now.source != cell.source:
            edit_text(here["source"], now.source, cell.source)
        for name in ("type", "metadata", "attachments"):
            if getattr(now, name) != getattr(cell, name):
                here[name] = getattr(cell, name)

    def _edit_order(self, wanted: list[str]) -> None:
        now = list(self._order)
        for tag, i1, i2, j1, j2 in reversed(differences(now, wanted)):
            if tag in ("replace", "delete"):
                del self._order[i1:i2]
            if tag in ("replace", "insert"):
                for offset, cell_id in enumerate(wanted[j1:j2]):
                    self._order.insert(i1 + offset, cell_id)


def _plain(value: Any) -> Any:
    """A value of Yjs as JSON: shared types as plain ones, whole numbers as integers (JavaScript has one kind)."""
    if isinstance(value, Map | Array):
        value = value.to_py()
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
