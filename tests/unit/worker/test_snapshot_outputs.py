"""What of all outputs fits into a frame."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sagews.messages.fields import write_record
from sagews.messages.records import CellRun
from sagews.worker.snapshot_outputs import fitted, size_of

TEXTS = st.lists(st.text(st.characters(exclude_categories=()), max_size=200), max_size=6)


def text(data: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": data}


def plot(data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"image/png": data}, "metadata": {}}


def run(cell: str, *outputs: dict[str, Any], kept_bytes: int = 0) -> CellRun:
    return CellRun("d", cell, f"r{cell}", "ok", outputs=outputs, kept_bytes=kept_bytes)


@given(st.lists(TEXTS, max_size=8), st.integers(0, 3000))
def test_it_fits_and_says_what_it_lacks(texts: list[list[str]], room: int) -> None:
    given_runs = [run(str(number), *map(text, cell)) for number, cell in enumerate(texts)]
    bare = sum(size_of(write_record(run(str(number)))) + 12 for number in range(len(texts)))
    found = fitted(given_runs, bare + room)
    assert [record.run for record in found] == [record.run for record in given_runs]
    assert len(json.dumps([write_record(record) for record in found], separators=(",", ":"))) <= (
        bare + room + 2 + len(found) * 16
    )
    for before, after in zip(given_runs, found, strict=True):
        assert after.cut == (after.outputs != before.outputs)
        assert all(output in before.outputs for output in after.outputs)


def test_text_that_is_in_a_file_makes_room_for_plots() -> None:
    flood = run("a", text("x" * 1000), plot("p" * 900), text("end"), kept_bytes=1003)
    [found] = fitted([flood], 1300)
    assert [output["output_type"] for output in found.outputs] == ["display_data", "stream"]
    assert found.cut


def test_small_runs_stay_whole_beside_a_large_one() -> None:
    found = fitted([run("large", plot("p" * 10_000)), run("a", plot("p")), run("b", plot("q"))], 1000)
    assert [record.cut for record in found] == [True, False, False]
