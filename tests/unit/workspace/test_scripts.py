"""Programs as worksheets, and back."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from sagews.workspace import scripts
from sagews.workspace.notebook import Cell, Notebook


def _content(notebook: Notebook) -> list[tuple[str, str]]:
    return [(cell.type, cell.source) for cell in notebook.cells]


def test_marks_divide_a_program_into_cells() -> None:
    lines = ["import os", "", "# %% first", "a = 1", "", "b = 2", "#%% [markdown]", "# Text **bold**", "#", "# more"]
    notebook = scripts.read("\r\n".join([*lines, "# %%", ""]), "py")
    text = ("markdown", "Text **bold**\n\nmore")
    assert _content(notebook) == [("code", "import os"), ("code", "a = 1\n\nb = 2"), text]
    assert notebook.metadata["kernelspec"]["name"] == "python"


def test_a_program_without_marks_is_one_cell_and_nothing_is_an_empty_one() -> None:
    assert _content(scripts.read("def f():\n\n    return 1\n", "sage")) == [("code", "def f():\n\n    return 1")]
    assert _content(scripts.read("", "py")) == [("code", "")]


def test_a_worksheet_is_written_as_a_program_that_python_reads() -> None:
    notebook = Notebook((Cell("a", "markdown", "# Title\n\n$x^2$"), Cell("b", "code", "x = 1"), Cell("c", "raw", "r")))
    text = scripts.write(notebook)
    ast.parse(text)
    assert "# # Title\n#\n# $x^2$" in text
    assert _content(scripts.read(text, "py")) == _content(notebook)


LINES = st.text(st.characters(exclude_characters="\r%\n", exclude_categories=["Cs"]), min_size=1, max_size=20)
CELLS = st.lists(st.tuples(st.sampled_from(["code", "markdown"]), LINES.filter(str.strip)), min_size=1, max_size=5)


@given(CELLS)
def test_cells_come_back(cells: list[tuple[str, str]]) -> None:
    notebook = Notebook(tuple(Cell(f"c{number}", kind, source) for number, (kind, source) in enumerate(cells)))
    there = _content(scripts.read(scripts.write(notebook), "py"))
    assert [(kind, source.rstrip()) for kind, source in there] == [(kind, source.rstrip()) for kind, source in cells]
