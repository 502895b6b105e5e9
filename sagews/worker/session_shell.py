"""The IPython shell of a session, as far as it is IPython's: built in the zygote, used after the fork.

Invariant: what it shows goes to its channel; where it has none (in the zygote) it is dropped. It needs no
file, no thread and no terminal.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type

from sagews.messages import jupyter
from sagews.messages.frame import Message
from sagews.worker import session_display
from sagews.worker.session_capture import Capture
from sagews.worker.session_channel import Channel
from sagews.worker.session_comms import Comms
from sagews.worker.session_history import SessionCompiler, SessionHistory


class SessionShell(InteractiveShell):  # type: ignore[misc]
    """One user's shell. `SessionLoop` tells it what to do."""

    displayhook_class = Type(session_display.ResultHook)
    display_pub_class = Type(session_display.DisplayPublisher)
    compiler_class = Type(SessionCompiler)

    channel: Channel | None = None
    comms: Comms
    capture = Capture(lambda comm_id, outputs: None)
    """Of a session that has widgets."""
    implementation = ("python", "")
    """Name and version of what it runs; "" = Python's version."""
    exit_now = False
    """The user's code said `exit`."""

    def init_history(self) -> None:
        """As IPython does, with a history that needs neither file nor thread."""
        self.history_manager = SessionHistory(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def init_io(self) -> None:
        """IPython must not wrap the streams."""

    def _tee(self, channel: str) -> AbstractContextManager[None]:
        """IPython must not keep all text that a run writes (it does so since 9.0, for `%notebook`)."""
        return nullcontext()

    def init_hooks(self) -> None:
        """`?` shows its text in a pager of the page, not in `less`; what is for terminals only is not said."""
        super().init_hooks()
        # IPython's advice after a SystemExit is for a terminal.
        warnings.filterwarnings("ignore", message="To exit: use", category=UserWarning)
        self.set_hook("show_in_pager", session_display.page(self), 99)

    def init_virtualenv(self) -> None:
        """The zygote's environment is the right one."""

    def enable_gui(self, gui: Any = None) -> None:
        """There is no screen here."""

    def ask_exit(self) -> None:
        """`exit` and `quit` end the session after the cell."""
        self.exit_now = True

    def set_next_input(self, s: str, replace: bool = False) -> None:
        """Magics such as `%load` put text into the page."""
        self.payload_manager.write_payload({"source": "set_next_input", "text": s, "replace": replace})

    def send(self, content: Message) -> None:
        """Tell the worker something that has its place among the output; in the zygote: nobody."""
        if self.channel is not None and not (self.channel.speaks and self.capture.takes(content)):
            self.channel.send(content)

    def showtraceback(self, exc_tuple: Any = None, *arguments: Any, **options: Any) -> None:
        """A traceback ends in the user's program or what it uses, not in how a session works (`input()`)."""
        end_outside_session((exc_tuple or sys.exc_info())[2])
        super().showtraceback(exc_tuple, *arguments, **options)

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
        """Send the traceback as an `error` message."""
        lines = tuple(str(line) for line in stb)
        self.send(jupyter.Error(etype.__name__, session_display.safe_text(evalue), lines))

    def forget(self, names: set[str]) -> None:
        """Be as new.

        :param names: of the user's namespace that stay.
        """
        for name in set(self.user_ns) - names:
            del self.user_ns[name]
        self.displayhook.flush()
        self.push({"_": "", "__": "", "___": ""}, interactive=False)
        self.history_manager.reset()
        self.execution_count = 1


def warm(shell: SessionShell, cells: list[str]) -> None:
    """Run cells, so that all that they need is loaded, and forget that they ran.

    :raises RuntimeError: where one of them fails.
    """
    names = set(shell.user_ns)
    for code in cells:
        result = shell.run_cell(code, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise RuntimeError(f"The environment cannot run {code!r}: {error}") from error
    shell.forget(names)
    # `%who` and `%whos` list what the user made, not the environment's own names.
    shell.user_ns_hidden.update(shell.user_ns)


ASKING = frozenset({"_input", "_getpass"})
"""Our functions that the user's code calls under other names (`session_loop`); they call none of it."""


def end_outside_session(trace: TracebackType | None) -> None:
    """Cut what a session's own code did at the end of a traceback; one that is all ours stays."""
    outside = None
    while trace is not None:
        is_ours = str(trace.tb_frame.f_globals.get("__name__", "")).startswith("sagews.worker.")
        if is_ours and outside is not None and trace.tb_frame.f_code.co_name in ASKING:
            break  # whatever it uses below is how we wait, too
        if not is_ours:
            outside = trace
        trace = trace.tb_next
    if outside is not None:
        outside.tb_next = None
