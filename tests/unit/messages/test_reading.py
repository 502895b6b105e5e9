"""What somebody who may only read a workspace may say to it."""

from __future__ import annotations

import pytest

from sagews.messages.commands import OpenDocument
from sagews.messages.frame import Message
from sagews.messages.jupyter import (
    CONTROL_METADATA,
    REQUEST_STATES,
    WIDGETS_CONTROL,
    CommClose,
    CommMsg,
    CommOpen,
    ExecuteRequest,
)


@pytest.mark.parametrize(
    ("content", "reads"),
    [
        (OpenDocument("a.ipynb"), True),
        (OpenDocument("a.ipynb", create=True), False),
        (ExecuteRequest("1"), False),
        (CommOpen("c", WIDGETS_CONTROL, metadata=CONTROL_METADATA), True),
        (CommOpen("c", WIDGETS_CONTROL), False),
        (CommOpen("c", WIDGETS_CONTROL, {"a": 1}, CONTROL_METADATA), False),
        (CommOpen("c", WIDGETS_CONTROL, metadata=CONTROL_METADATA, buffers=(b"1",)), False),
        (CommOpen("c", "jupyter.widget", metadata=CONTROL_METADATA), False),
        (CommMsg("c", REQUEST_STATES), True),
        (CommMsg("c", REQUEST_STATES, {"a": 1}), False),
        (CommMsg("c", REQUEST_STATES, buffers=(b"1",)), False),
        (CommMsg("c", {"method": "update", "state": {"value": 1}}), False),
        (CommClose("c"), False),
    ],
)
def test_only_what_changes_nothing(content: Message, reads: bool) -> None:
    assert content.only_reads is reads
