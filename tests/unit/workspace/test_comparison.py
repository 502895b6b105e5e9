"""What differs between two versions of a text or worksheet."""

from __future__ import annotations

from sagews.workspace.comparison import ComparedLine, compare_notebooks, compare_texts
from sagews.workspace.notebook import Cell, CellOutputs, Notebook


def code(cell_id: str, source: str) -> Cell:
    """A cell."""
    return Cell(cell_id, "code", source)


def shown(value: int, count: int = 1) -> CellOutputs:
    """An output."""
    data = {"text/plain": str(value)}
    return CellOutputs(count, ({"output_type": "execute_result", "execution_count": count, "data": data},))


def told(old: Notebook, new: Notebook) -> list[tuple[str, str, bool]]:
    """What is told of each cell."""
    return [(cell.id, cell.change, cell.outputs_changed) for cell in compare_notebooks(old, new)]


def test_lines() -> None:
    old = "".join(f"{number}\n" for number in range(20))
    new = old.replace("10\n", "ten\nand more\n") + "end"
    assert [(line.change, line.text) for line in compare_texts(old, new)] == [
        ("skipped", "7 lines that are the same"),
        *(("same", str(number)) for number in (7, 8, 9)),
        ("deleted", "10"),
        ("added", "ten"),
        ("added", "and more"),
        *(("same", str(number)) for number in (11, 12, 13)),
        ("skipped", "3 lines that are the same"),
        *(("same", str(number)) for number in (17, 18, 19)),
        ("added", "end"),
    ]
    assert compare_texts("", "") == compare_texts("", "")[:0]
    assert compare_texts("a", "") == (ComparedLine("deleted", "a"),)


def test_cells_are_known_by_their_ids() -> None:
    old = Notebook((code("a", "1"), code("b", "2"), code("c", "3"), code("d", "4")))
    new = Notebook((code("c", "3"), code("a", "1"), code("e", "5"), code("d", "44")))
    assert told(old, new) == [
        ("c", "moved", False),
        ("a", "same", False),
        ("b", "deleted", False),
        ("e", "added", False),
        ("d", "changed", False),
    ]


def test_every_cell_is_told_once() -> None:
    old = Notebook(tuple(code(name, name) for name in "abcdefgh"))
    new = Notebook(tuple(code(name, name) for name in "hgxdcba"))
    assert sorted(cell_id for cell_id, _, _ in told(old, new)) == list("abcdefghx")


def test_another_output_is_told_and_another_number_is_not() -> None:
    cells = (code("a", "x"), code("b", "y"))
    old = Notebook(cells, {}, {"a": shown(1), "b": shown(2)})
    new = Notebook(cells, {}, {"a": shown(1, count=7), "b": shown(3)})
    assert told(old, new) == [("a", "same", False), ("b", "changed", True)]


def test_cells_of_files_without_ids_are_known_by_what_they_say() -> None:
    old = Notebook((code("x1", "1"), code("x2", "2"), code("x3", "1")))
    new = Notebook((code("y1", "1"), code("y2", "1"), code("y3", "3")))
    assert [change for _, change, _ in told(old, new)] == ["same", "deleted", "same", "added"]
