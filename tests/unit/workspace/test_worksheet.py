"""The shared document of a worksheet."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from sagews.errors import MessageError
from sagews.workspace.notebook import Cell, Notebook
from sagews.workspace.shared_document import EMPTY_UPDATE, REMEMBERED_UPDATES
from sagews.workspace.worksheet import Worksheet

NOTEBOOK = Notebook(
    (
        Cell("a", "code", "print('😀')\nx = 1\n", {"n": 1, "f": 1.5, "l": [1, {"q": None}]}),
        Cell("b", "markdown", "# hé\n"),
    ),
    {"kernelspec": {"name": "sage", "display_name": "Sage"}},
)
cells = st.builds(
    Cell,
    st.sampled_from("abcdefgh"),
    st.sampled_from(["code", "markdown", "raw"]),
    st.text(alphabet=st.sampled_from("xy\n😀é"), max_size=20),
    st.dictionaries(st.sampled_from("mn"), st.integers(-5, 5)),
)
notebooks = st.builds(
    lambda cells, metadata: Notebook(tuple({cell.id: cell for cell in cells}.values()), metadata),
    st.lists(cells, max_size=6),
    st.dictionaries(st.sampled_from("pq"), st.integers(-5, 5)),
)


@given(notebooks)
def test_a_notebook_goes_in_and_comes_out(notebook: Notebook) -> None:
    assert Worksheet(Worksheet.from_notebook(notebook).state()).notebook() == notebook


@given(st.lists(notebooks, min_size=2, max_size=4))
def test_a_difference_is_applied_as_an_edit_that_others_can_apply(versions: list[Notebook]) -> None:
    worksheet = Worksheet.from_notebook(versions[0])
    other = Worksheet(worksheet.state())
    for version in versions[1:]:
        update = worksheet.edit(version)
        other.apply(update)
        other.apply(update)
        assert worksheet.notebook() == other.notebook() == version
        assert worksheet.edit(version) == EMPTY_UPDATE


@given(notebooks, notebooks, notebooks)
def test_edits_made_apart_merge_to_the_same(base: Notebook, left: Notebook, right: Notebook) -> None:
    ours = Worksheet.from_notebook(base)
    theirs = Worksheet(ours.state())
    update_left, update_right = ours.edit(left), theirs.edit(right)
    ours.apply(update_right)
    theirs.apply(update_left)
    assert ours.notebook() == theirs.notebook()


def test_an_edit_elsewhere_in_a_cell_keeps_what_others_typed_there() -> None:
    ours = Worksheet.from_notebook(Notebook((Cell("a", "code", "one\ntwo\nthree\n"),)))
    theirs = Worksheet(ours.state())
    mine = ours.edit(Notebook((Cell("a", "code", "ONE\ntwo\nthree\n"),)))
    ours.apply(theirs.edit(Notebook((Cell("a", "code", "one\ntwo\nTHREE\n"),))))
    theirs.apply(mine)
    assert ours.cells[0].source == theirs.cells[0].source == "ONE\ntwo\nTHREE\n"


def test_a_state_vector_tells_what_is_lacking() -> None:
    ours = Worksheet.from_notebook(NOTEBOOK)
    theirs = Worksheet(ours.state())
    update = theirs.edit(Notebook((Cell("c", "code", "new"),)))
    assert ours.lacks(theirs.state_vector())
    ours.apply(update)
    assert not ours.lacks(theirs.state_vector())
    assert not ours.lacks(b"\0")


@pytest.mark.parametrize("damaged", [b"", b"\x05", b"\x01\xff", b"\xff" * 20])
def test_a_damaged_state_vector_is_refused(damaged: bytes) -> None:
    with pytest.raises(MessageError, match="state vector"):
        Worksheet().lacks(damaged)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_updates_are_refused_and_change_nothing(seed: int) -> None:
    generator = random.Random(seed)
    state = Worksheet.from_notebook(NOTEBOOK).state()
    refused = 0
    for _ in range(500):
        update = bytearray(state)
        for _ in range(generator.randint(1, 6)):
            update[generator.randrange(len(update))] = generator.randrange(256)
        worksheet = Worksheet(state)
        try:
            worksheet.apply(bytes(update))
        except MessageError:
            refused += 1
            assert worksheet.notebook() == NOTEBOOK
        worksheet.edit(NOTEBOOK)
        assert worksheet.notebook() == NOTEBOOK
    assert refused > 100


def test_an_impossible_update_is_undone_also_after_many_updates() -> None:
    worksheet = Worksheet.from_notebook(NOTEBOOK)
    for number in range(REMEMBERED_UPDATES + 5):
        worksheet.edit(Notebook((Cell("a", "code", str(number)),)))
    before = worksheet.notebook()
    worksheet._restore()  # what `apply` does where Yjs stops half way
    assert worksheet.notebook() == before


def test_what_has_not_the_form_of_a_cell_is_passed_over() -> None:
    doc: Doc = Doc()
    order, cells = doc.get("order", type=Array), doc.get("cells", type=Map)
    for value in ["good", "good", 3.0, None, "missing", "text", "plain", "odd"]:
        order.append(value)
    cells["good"] = Map({"type": "code", "source": Text("1+1"), "metadata": {}})
    cells["text"] = "a cell?"
    cells["plain"] = Map({"type": "code", "source": "no shared text"})
    cells["odd"] = Map({"type": 7, "source": Text(""), "metadata": [1], "attachments": "x"})
    found = Worksheet(doc.get_update()).cells
    assert found == (Cell("good", "code", "1+1"), Cell("odd", "raw", ""))
