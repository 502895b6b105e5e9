"""What a run showed, as notebook outputs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sagews.messages.jupyter import ClearOutput, DisplayData, Stream, UpdateDisplayData
from sagews.messages.outputs import Outputs
from sagews.messages.workspace import OutputCut

PIECES = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(min_size=1, max_size=5)), max_size=30)


@given(PIECES)
def test_neighbouring_text_is_joined_and_none_is_lost(pieces: list[tuple[str, str]]) -> None:
    outputs = Outputs()
    for name, text in pieces:
        outputs.take_text(name, text)
    shown = outputs.as_tuple()
    assert [(name, text) for name, text in ((o["name"], o["text"]) for o in shown)] == _joined(pieces)
    outputs.take_text("stdout", "more")
    assert outputs.as_tuple()[-1]["text"].endswith("more")


def _joined(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    result: list[tuple[str, str]] = []
    for name, text in pieces:
        if result and result[-1][0] == name:
            result[-1] = (name, result[-1][1] + text)
        else:
            result.append((name, text))
    return result


def test_clear_waits_for_the_next_output() -> None:
    outputs = Outputs()
    outputs.take(Stream("stdout", "old\r"))
    outputs.take(ClearOutput(wait=True))
    assert outputs.as_tuple()[0]["text"] == "old\r"
    outputs.take(Stream("stdout", "new"))
    assert [output["text"] for output in outputs.as_tuple()] == ["new"]
    outputs.take(ClearOutput())
    assert outputs.as_tuple() == ()


def test_a_display_is_updated_where_it_stands() -> None:
    outputs = Outputs()
    outputs.take(DisplayData({"text/plain": "1"}, transient={"display_id": "d"}))
    outputs.take(Stream("stdout", "x"))
    outputs.take(UpdateDisplayData({"text/plain": "2"}, transient={"display_id": "d"}))
    assert outputs.as_tuple()[0]["data"] == {"text/plain": "2"}


def test_the_end_of_a_cut_run_is_shown_after_a_note() -> None:
    outputs = Outputs()
    outputs.take(Stream("stdout", "first\n"))
    outputs.take(OutputCut(5000, 100, 4000))
    outputs.take(OutputCut(9000, 200, 7995, "last\n"))
    (output,) = outputs.as_tuple()
    assert output["text"].startswith("first\n\n[... 7995 bytes are kept, not shown; 200 lines, 9000 bytes")
    assert output["text"].endswith("last\n")


def test_an_end_that_follows_what_was_told_has_no_note() -> None:
    outputs = Outputs()
    outputs.take(Stream("stdout", "first "))
    outputs.take(OutputCut(10, 0, 0, "last"))
    assert outputs.as_tuple()[0]["text"] == "first last"


def test_a_display_of_a_snapshot_is_found_by_a_later_update() -> None:
    told = Outputs()
    told.take(DisplayData({"text/plain": "50 %"}, transient={"display_id": "bar"}))
    told.take(Stream("stdout", "text"))
    follower = Outputs(told.with_displays())
    assert follower.update_display(UpdateDisplayData({"text/plain": "100 %"}, transient={"display_id": "bar"}))
    assert follower.as_tuple() == (
        {"output_type": "display_data", "data": {"text/plain": "100 %"}, "metadata": {}},
        {"output_type": "stream", "name": "stdout", "text": "text"},
    )
    assert "transient" not in told.as_tuple()[0], "a notebook has no such field"
