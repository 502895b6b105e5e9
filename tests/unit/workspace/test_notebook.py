"""Worksheets in ``.ipynb`` files."""

from __future__ import annotations

import json

import nbformat
import pytest

from sagews.errors import UsageError
from sagews.workspace.notebook import Cell, CellOutputs, Notebook, read, write

OUTPUT = {"output_type": "stream", "name": "stdout", "text": "hi\n"}
NOTEBOOK = Notebook(
    (
        Cell("a", "code", "x = 1\n", {"tags": ["x"], "vendor": {"deep": [1, 2.5, None]}}),
        Cell("b", "markdown", "# Title ![](attachment:i.png)", {}, {"i.png": {"image/png": "iVBO"}}),
        Cell("c", "raw", "raw"),
    ),
    {"kernelspec": {"name": "sage", "display_name": "Sage"}, "vendor": {"kept": True}},
    {"a": CellOutputs(3, (OUTPUT,))},
)


def test_a_notebook_is_written_valid_and_read_again() -> None:
    text = write(NOTEBOOK)
    nbformat.validate(nbformat.reads(text, as_version=nbformat.NO_CONVERT))
    assert json.loads(text)["nbformat_minor"] == 5
    assert read(text) == NOTEBOOK


def test_an_empty_file_is_an_empty_notebook() -> None:
    assert read("  \n") == Notebook()


@pytest.mark.parametrize(
    "text", ["{", "[]", "3", "null", '{"nbformat": 4}', '{"cells": 3, "nbformat": 4}', '{"nbformat": 9}']
)
def test_what_is_no_notebook_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(UsageError, match=r"no Jupyter notebook .*Open it as text"):
        read(text)


def test_an_older_notebook_gets_cell_ids() -> None:
    cell = {"cell_type": "code", "source": ["1", "+1"], "metadata": {}, "outputs": [OUTPUT], "execution_count": 1}
    notebook = read(json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [cell, cell]}))
    first, second = notebook.cells
    assert first.source == "1+1"
    assert first.id != second.id
    assert notebook.outputs[second.id].outputs[0]["text"] == "hi\n"


def test_a_version_3_notebook_is_read() -> None:
    cell = {
        "cell_type": "code",
        "input": ["1+1"],
        "language": "python",
        "outputs": [],
        "prompt_number": 2,
        "collapsed": False,
    }
    data = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [{"cells": [cell], "metadata": {}}],
    }
    assert read(json.dumps(data)).cells[0].source == "1+1"


def test_metadata_that_the_format_forbids_does_not_keep_it_from_being_saved() -> None:
    text = write(
        Notebook((Cell("a", "code", "1", {"tags": 5, "mine": 6}),), {"kernelspec": {"name": "sage"}, "mine": 7})
    )
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert read(text).cells[0].source == "1"
    assert read(text).metadata["mine"] == 7


def test_an_output_that_the_format_forbids_is_replaced_by_a_note() -> None:
    bad = {"output_type": "display_data", "data": 5, "metadata": {}}
    text = write(Notebook((Cell("a", "code", "1"),), {}, {"a": CellOutputs(1, (bad, OUTPUT))}))
    note, kept = read(text).outputs["a"].outputs
    assert "could not be saved" in note["text"]
    assert kept == OUTPUT


def test_ids_that_the_format_forbids_are_replaced() -> None:
    text = write(Notebook((Cell("a b", "code", "1"), Cell("x" * 65, "code", "2"))))
    assert [cell.source for cell in read(text).cells] == ["1", "2"]
