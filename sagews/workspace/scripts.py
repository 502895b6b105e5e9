"""Worksheets as programs and back: ``.py`` and ``.sage`` files with cells marked by ``# %%``. Pure.

The marks are those of the "percent" format that editors know: `# %%` begins a cell of code, `# %% [markdown]` one of
text, whose lines are comments. A program without marks is one cell.
"""

from __future__ import annotations

import re

from sagews.workspace.notebook import Cell, Notebook, new_cell_id

MARK = re.compile(r"^# ?%%(?P<about>.*)$")
KERNELS = {"py": ("python", "Python"), "sage": ("sage", "Sage")}
"""Environment and its name, by the ending of the file."""


def read(text: str, ending: str) -> Notebook:
    """The worksheet that a program makes; its cells run in the environment of its ending ("py" or "sage")."""
    kernel, title = KERNELS[ending]
    cells: list[Cell] = []
    lines: list[str] = []
    kind = "code"
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = MARK.match(line)
        if mark is None:
            lines.append(line)
            continue
        _add(cells, kind, lines)
        kind, lines = _kind_of(mark["about"]), []
    _add(cells, kind, lines)
    if not cells:
        cells.append(Cell(new_cell_id(), "code", ""))
    return Notebook(tuple(cells), {"kernelspec": {"name": kernel, "display_name": title}})


def write(notebook: Notebook) -> str:
    """The program of a worksheet, without outputs; text and raw cells are comments in it."""
    parts = []
    for cell in notebook.cells:
        mark = "# %%" if cell.type == "code" else f"# %% [{cell.type}]"
        source = cell.source if cell.type == "code" else _commented(cell.source)
        parts.append(f"{mark}\n{source}\n" if source else f"{mark}\n")
    return "\n".join(parts)


def _kind_of(about: str) -> str:
    for kind in ("markdown", "raw"):
        if f"[{kind}]" in about:
            return kind
    return "code"


def _add(cells: list[Cell], kind: str, lines: list[str]) -> None:
    source = "\n".join(lines).strip("\n")
    if kind != "code":
        source = "\n".join(re.sub(r"^# ?", "", line) for line in source.split("\n"))
    if source.strip():
        cells.append(Cell(new_cell_id(), kind, source))


def _commented(source: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in source.split("\n"))
