"""What the process that compares tells."""

from __future__ import annotations

import json

from sagews.workspace.comparing import compared


def _worksheet(*sources: str) -> str:
    cells: list[dict[str, object]] = [
        {
            "id": f"c{number}",
            "cell_type": "code",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_text() -> None:
    lines = [{"change": "deleted", "text": "a"}, {"change": "added", "text": "b"}]
    assert compared("a", "b", is_worksheet=False) == {"kind": "text", "lines": lines}


def test_a_worksheet() -> None:
    told = compared(_worksheet("1", "2"), _worksheet("1", "3"), is_worksheet=True)
    assert told["kind"] == "worksheet"
    assert [(cell["id"], cell["change"], len(cell["lines"])) for cell in told["cells"]] == [
        ("c0", "same", 0),
        ("c1", "changed", 2),
    ]


def test_what_is_no_worksheet_is_compared_as_text() -> None:
    assert compared("{", "[", is_worksheet=True)["kind"] == "text"
