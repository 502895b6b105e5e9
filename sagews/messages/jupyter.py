"""What a session says and hears, in the vocabulary of the Jupyter message specification 5.4.

https://jupyter-client.readthedocs.io/en/stable/messaging.html has the meaning of each field. Names
and contents are those of the specification, so that outputs are notebook outputs as they come; what
it calls the parent header is the envelope's `run` here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sagews.messages.fields import JSON
from sagews.messages.frame import Message

Object = dict[str, JSON]

WIDGETS_CONTROL = "jupyter.widget.control"
"""Target of the channel on which ipywidgets tells the state of all its widgets (its "control comm", version 1.0)."""
CONTROL_METADATA: Object = {"version": "1.0.0"}
REQUEST_STATES: Object = {"method": "request_states"}
"""What asks for that."""


@dataclass(frozen=True)
class ExecuteRequest(Message, type="execute_request"):
    """Evaluate this code."""

    code: str
    silent: bool = False
    store_history: bool = True
    user_expressions: Object = field(default_factory=dict)
    allow_stdin: bool = True
    stop_on_error: bool = True


@dataclass(frozen=True)
class ExecuteReply(Message, type="execute_reply"):
    """The evaluation is over. Sent once for each request, after all its output."""

    status: Literal["ok", "error", "aborted"]
    execution_count: int
    ename: str = ""
    evalue: str = ""
    payload: tuple[Object, ...] = ()
    user_expressions: Object = field(default_factory=dict)


@dataclass(frozen=True)
class ExecuteInput(Message, type="execute_input"):
    """This code is being evaluated."""

    code: str
    execution_count: int


@dataclass(frozen=True)
class Stream(Message, type="stream"):
    """Text that the program wrote."""

    name: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True)
class DisplayData(Message, type="display_data"):
    """Something to show, in one or several forms by MIME type."""

    data: Object
    metadata: Object = field(default_factory=dict)
    transient: Object = field(default_factory=dict)


@dataclass(frozen=True)
class UpdateDisplayData(Message, type="update_display_data"):
    """A new form of what was shown before, found by ``transient.display_id``."""

    data: Object
    metadata: Object = field(default_factory=dict)
    transient: Object = field(default_factory=dict)


@dataclass(frozen=True)
class ExecuteResult(Message, type="execute_result"):
    """The value of the last expression."""

    execution_count: int
    data: Object
    metadata: Object = field(default_factory=dict)


@dataclass(frozen=True)
class Error(Message, type="error"):
    """The program raised; `traceback` has lines with ANSI colours."""

    ename: str
    evalue: str
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClearOutput(Message, type="clear_output"):
    """Remove what was shown; with `wait`, when the next output comes."""

    wait: bool = False


@dataclass(frozen=True)
class Status(Message, type="status"):
    """What the session is doing."""

    execution_state: Literal["starting", "busy", "idle"]


@dataclass(frozen=True)
class InputRequest(Message, type="input_request"):
    """The program waits for a line from a person."""

    prompt: str = ""
    password: bool = False


@dataclass(frozen=True)
class InputReply(Message, type="input_reply"):
    """The line."""

    value: str


@dataclass(frozen=True)
class CompleteRequest(Message, type="complete_request"):
    """How can this code go on at `cursor_pos` (in Unicode code points)?"""

    code: str
    cursor_pos: int


@dataclass(frozen=True)
class CompleteReply(Message, type="complete_reply"):
    """It can go on with one of `matches` in place of `cursor_start` ... `cursor_end`."""

    matches: tuple[str, ...]
    cursor_start: int
    cursor_end: int
    metadata: Object = field(default_factory=dict)
    status: Literal["ok", "error"] = "ok"


@dataclass(frozen=True)
class InspectRequest(Message, type="inspect_request"):
    """What is known of the name at `cursor_pos`? `detail_level` 1 asks for the source too."""

    code: str
    cursor_pos: int
    detail_level: int = 0


@dataclass(frozen=True)
class InspectReply(Message, type="inspect_reply"):
    """This is known of it."""

    found: bool
    data: Object = field(default_factory=dict)
    metadata: Object = field(default_factory=dict)
    status: Literal["ok", "error"] = "ok"


@dataclass(frozen=True)
class IsCompleteRequest(Message, type="is_complete_request"):
    """Is this code complete, or does it need another line?"""

    code: str


@dataclass(frozen=True)
class IsCompleteReply(Message, type="is_complete_reply"):
    """It is, or the next line is to be indented so."""

    status: Literal["complete", "incomplete", "invalid", "unknown"]
    indent: str = ""


@dataclass(frozen=True)
class KernelInfoRequest(Message, type="kernel_info_request"):
    """What is it that runs here?"""


@dataclass(frozen=True)
class KernelInfoReply(Message, type="kernel_info_reply"):
    """This."""

    protocol_version: str
    implementation: str
    implementation_version: str
    language_info: Object
    banner: str = ""
    status: Literal["ok", "error"] = "ok"


@dataclass(frozen=True)
class CommOpen(Message, type="comm_open"):
    """A widget's channel opens."""

    comm_id: str
    target_name: str
    data: Object = field(default_factory=dict)
    metadata: Object = field(default_factory=dict)
    buffers: tuple[bytes, ...] = ()
    """What stands at the places in `data` that its ``buffer_paths`` names."""

    @property
    def only_reads(self) -> bool:
        """A channel on which nothing is said but `REQUEST_STATES`."""
        is_plain = self.metadata == CONTROL_METADATA and not self.data and not self.buffers
        return self.target_name == WIDGETS_CONTROL and is_plain


@dataclass(frozen=True)
class CommMsg(Message, type="comm_msg"):
    """Something passes through a widget's channel."""

    comm_id: str
    data: Object = field(default_factory=dict)
    metadata: Object = field(default_factory=dict)
    buffers: tuple[bytes, ...] = ()
    """What stands at the places in `data` that its ``buffer_paths`` names."""

    @property
    def only_reads(self) -> bool:
        """Everybody who reads sees the widgets as they are, also who comes late."""
        return self.data == REQUEST_STATES and not self.metadata and not self.buffers


@dataclass(frozen=True)
class CommClose(Message, type="comm_close"):
    """A widget's channel closes."""

    comm_id: str
    data: Object = field(default_factory=dict)


@dataclass(frozen=True)
class InterruptRequest(Message, type="interrupt_request"):
    """Stop what is being evaluated; the session stays."""


@dataclass(frozen=True)
class ShutdownRequest(Message, type="shutdown_request"):
    """End the session; with `restart`, another one takes its place."""

    restart: bool = False
