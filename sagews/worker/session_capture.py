"""Capture: what code shows while it is inside of an `Output` widget becomes what that widget shows.

ipywidgets leaves this to its front ends: `with output:` sets `msg_id` of the widget to the request whose outputs are
the widget's, and the front end is to write them into `outputs`. Done here, every page shows the same, a page that comes
later is told with the rest of the widget's state, and a worksheet's file keeps no plot of each step of a slider.

Invariant: what is captured is shown nowhere else, and a request that is over captures nothing any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sagews.messages import jupyter
from sagews.messages.frame import Message
from sagews.messages.outputs import Output, Outputs

CAPTURED = (jupyter.DisplayData, jupyter.ExecuteResult, jupyter.Error, jupyter.ClearOutput)
HOLD_SECONDS = 0.25
"""What comes within this time is told at once: a page does not jump where a text and a plot replace others."""
LARGEST = 2**21
"""Characters that one widget shows; all are told anew at each change, and are part of its state."""
CUT = "\n[... more is not shown in a widget ...]\n"


@dataclass
class Captured:
    """What one `Output` widget shows."""

    outputs: Outputs = field(default_factory=Outputs)
    size: int = 0
    untold: bool = False
    told: float = 0.0
    """When it was told, by the monotonic clock."""

    def take(self, content: Message) -> None:
        """Show this too, if there is room."""
        if isinstance(content, jupyter.ClearOutput):
            self.size = self.size if content.wait else 0
        else:
            self.size = 0 if self.outputs.clears_next else self.size
            before, self.size = self.size, self.size + len(json.dumps(vars(content), default=str))
            if self.size > LARGEST:
                if before > LARGEST:
                    return
                content = jupyter.Stream("stderr", CUT)
        self.outputs.take(content)
        self.untold = True


class Capture:
    """Of one session."""

    def __init__(self, show: Callable[[str, list[Output]], None]) -> None:
        """:param show: lets the `Output` widget with this comm show these outputs."""
        self._show = show
        self._showing = False
        self._widgets: dict[str, Captured] = {}
        self._entered: list[str] = []
        """From the outermost to the innermost."""

    def heard(self, kind: str, comm_id: str, data: Any) -> None:
        """A widget told pages something: it may be an `Output`, which is entered or left.

        :param kind: "comm_open", "comm_msg" or "comm_close".
        """
        if kind == "comm_close":
            self._leave(comm_id)
            self._widgets.pop(comm_id, None)
        state = data.get("state")
        if self._showing or not isinstance(state, dict) or data.get("method", "update") != "update":
            return
        if kind == "comm_open" and state.get("_model_name") == "OutputModel":
            self._widgets[comm_id] = Captured()
        widget = self._widgets.get(comm_id)
        if widget is None:
            return
        if "outputs" in state:
            widget.outputs, widget.size = Outputs(tuple(state["outputs"])), 0
        if "msg_id" in state:
            self._leave(comm_id)
            if state["msg_id"]:
                widget.told = time.monotonic()
                self._entered.append(comm_id)

    def takes(self, content: Message) -> bool:
        """Whether this is captured; else it is to be shown in its usual place."""
        if isinstance(content, jupyter.UpdateDisplayData):
            self._update(content)
            return False  # It may stand elsewhere too.
        if not self._entered or not isinstance(content, CAPTURED):
            return False
        self._take(content)
        return True

    def takes_text(self, name: Any, data: bytes) -> bool:
        """As `takes`, for what is written to a stream."""
        if not self._entered:
            return False
        self._take(jupyter.Stream(name, data.decode("utf-8", "replace")))
        return True

    def end(self) -> None:
        """The request is over, and with it what captures its outputs."""
        for comm_id in reversed(self._entered.copy()):
            self._leave(comm_id)

    def _take(self, content: Message) -> None:
        comm_id = self._entered[-1]
        widget = self._widgets[comm_id]
        widget.take(content)
        if time.monotonic() - widget.told >= HOLD_SECONDS:
            self._tell(comm_id)

    def _update(self, content: jupyter.UpdateDisplayData) -> None:
        for comm_id, widget in self._widgets.items():
            if widget.outputs.update_display(content):
                widget.untold = True
                if comm_id not in self._entered or time.monotonic() - widget.told >= HOLD_SECONDS:
                    self._tell(comm_id)

    def _leave(self, comm_id: str) -> None:
        if comm_id in self._entered:
            self._entered.remove(comm_id)
            self._tell(comm_id)

    def _tell(self, comm_id: str) -> None:
        widget = self._widgets[comm_id]
        if not widget.untold:
            return
        widget.untold, widget.told = False, time.monotonic()
        self._showing = True
        try:
            self._show(comm_id, list(widget.outputs.as_tuple()))
        finally:
            self._showing = False
