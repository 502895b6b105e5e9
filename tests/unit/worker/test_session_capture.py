"""Capture: what is shown inside of an `Output` widget is that widget's, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from sagews.messages import jupyter
from sagews.worker.session_capture import CUT, LARGEST, Capture

OUTPUT = {"state": {"_model_name": "OutputModel"}}
ENTERED = {"method": "update", "state": {"msg_id": "r1"}}
LEFT = {"method": "update", "state": {"msg_id": ""}}


class Told:
    """What the widgets show, by their comms."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {}
        self.capture = Capture(self._show)

    def _show(self, comm_id: str, outputs: list[Any]) -> None:
        self.shown[comm_id] = outputs

    def text(self, comm_id: str) -> str:
        return "".join(one["text"] for one in self.shown[comm_id])


@pytest.fixture
def told() -> Told:
    one = Told()
    for comm_id in ("outer", "inner"):
        one.capture.heard("comm_open", comm_id, OUTPUT)
    return one


def test_outside_of_widgets_nothing_is_captured(told: Told) -> None:
    assert not told.capture.takes_text("stdout", b"a")
    assert not told.capture.takes(jupyter.DisplayData({"text/plain": "1"}))


def test_what_is_shown_inside_is_told_when_it_is_left(told: Told) -> None:
    told.capture.heard("comm_msg", "outer", ENTERED)
    assert told.capture.takes_text("stdout", b"a")
    assert told.capture.takes(jupyter.DisplayData({"text/plain": "1"}))
    told.capture.heard("comm_msg", "outer", LEFT)
    text, picture = told.shown["outer"]
    assert (text["output_type"], text["text"]) == ("stream", "a")
    assert (picture["output_type"], picture["data"]) == ("display_data", {"text/plain": "1"})
    assert not told.capture.takes_text("stdout", b"b")


def test_the_innermost_captures(told: Told) -> None:
    told.capture.heard("comm_msg", "outer", ENTERED)
    told.capture.takes_text("stdout", b"o")
    told.capture.heard("comm_msg", "inner", ENTERED)
    told.capture.takes_text("stdout", b"i")
    told.capture.heard("comm_msg", "inner", LEFT)
    told.capture.takes_text("stdout", b"o")
    told.capture.heard("comm_msg", "outer", LEFT)
    assert (told.text("outer"), told.text("inner")) == ("oo", "i")


def test_a_request_that_is_over_captures_nothing_any_more(told: Told) -> None:
    told.capture.heard("comm_msg", "outer", ENTERED)
    told.capture.takes_text("stdout", b"a")
    told.capture.end()
    assert told.text("outer") == "a"
    assert not told.capture.takes_text("stdout", b"b")


def test_what_waits_for_the_next_output_is_cleared_by_it(told: Told) -> None:
    told.capture.heard("comm_msg", "outer", ENTERED)
    told.capture.takes_text("stdout", b"old")
    told.capture.takes(jupyter.ClearOutput(wait=True))
    told.capture.takes_text("stdout", b"new")
    told.capture.end()
    assert told.text("outer") == "new"


def test_a_widget_shows_so_much_and_says_so(told: Told) -> None:
    told.capture.heard("comm_msg", "outer", ENTERED)
    for _ in range(5):
        told.capture.takes_text("stdout", b"x" * (LARGEST // 2))
    told.capture.end()
    text = told.text("outer")
    assert text.endswith(CUT)
    assert text.count(CUT) == 1
    assert len(text) < LARGEST + len(CUT)


def test_one_that_is_closed_captures_nothing(told: Told) -> None:
    told.capture.heard("comm_msg", "outer", ENTERED)
    told.capture.heard("comm_close", "outer", {})
    assert not told.capture.takes_text("stdout", b"a")
