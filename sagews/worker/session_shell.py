"""The IPython shell of a session: turns messages into evaluation, and results into messages.

Built once in the zygote (`channel` is None then, and what it shows is dropped), used in each session after the
fork. Invariant: after each `execute_request` exactly one `execute_reply`, whatever the code did.
"""

from __future__ import annotations

import builtins
import getpass
from collections.abc import Callable
from typing import Any

from IPython.core.completer import provisionalcompleter, rectify_completions
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type

from sagews.messages import Frame, jupyter
from sagews.messages.frame import Message
from sagews.worker import session_display, session_signals
from sagews.worker.session_channel import Channel, Closed
from sagews.worker.session_comms import Comms


class SessionHistory(HistoryManager):
    """History in memory only: no database, no thread."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{**arguments, "hist_file": ":memory:", "enabled": False})


class SessionShell(InteractiveShell):
    """One user's shell. `serve` is its life."""

    displayhook_class = Type(session_display.ResultHook)
    display_pub_class = Type(session_display.DisplayPublisher)

    channel: Channel | None = None
    comms: Comms

    # --- how it is built, in the zygote

    def init_history(self) -> None:
        """As IPython does, with a history that needs neither file nor thread."""
        self.history_manager = SessionHistory(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def init_io(self) -> None:
        """IPython must not wrap the streams."""

    def init_hooks(self) -> None:
        """`?` shows its text in a pager of the page, not in `less`."""
        super().init_hooks()
        self.set_hook("show_in_pager", session_display.page(self), 99)

    def init_virtualenv(self) -> None:
        """The zygote's environment is the right one."""

    def enable_gui(self, gui: Any = None) -> None:
        """There is no screen here."""

    # --- life in a session

    def serve(self, channel: Channel) -> None:
        """Obey the worker's messages, one after the other, until the code or the worker ends it.

        :raises Closed: where the worker is gone.
        """
        self.channel = channel
        builtins.input = self._input
        getpass.getpass = self._getpass  # type: ignore[assignment]
        handlers: dict[type[Message], Callable[[Frame], None]] = {
            jupyter.ExecuteRequest: self._execute,
            jupyter.CompleteRequest: self._complete,
            jupyter.InspectRequest: self._inspect,
            jupyter.IsCompleteRequest: self._is_complete,
            jupyter.KernelInfoRequest: self._kernel_info,
            jupyter.CommOpen: self._comm,
            jupyter.CommMsg: self._comm,
            jupyter.CommClose: self._comm,
        }
        while not self.exit_now:
            frame = channel.receive()
            handler = handlers.get(type(frame.content))
            if handler is not None:
                handler(frame)

    def serve_until_closed(self, channel: Channel) -> None:
        """Obey what is in the channel, and return at its end."""
        try:
            self.serve(channel)
        except Closed:
            self.channel = None

    def forget(self, names: set[str]) -> None:
        """Be as new.

        :param names: of the user's namespace that stay.
        """
        for name in set(self.user_ns) - names:
            del self.user_ns[name]
        self.displayhook.flush()
        self.history_manager.reset()
        self.execution_count = 1

    exit_now = False

    def ask_exit(self) -> None:
        """`exit` and `quit` end the session after the cell."""
        self.exit_now = True

    def send(self, content: Message) -> None:
        """Tell the worker something that has its place among the output; in the zygote: nobody."""
        if self.channel is not None:
            self.channel.send(content)

    # --- evaluation

    def _execute(self, frame: Frame) -> None:
        assert self.channel is not None
        request = frame.content
        assert isinstance(request, jupyter.ExecuteRequest)
        self.channel.run = frame.run
        self.allow_stdin = request.allow_stdin
        self.channel.send(jupyter.Status("busy"))
        if not request.silent:
            self.channel.send_aside(jupyter.ExecuteInput(request.code, self.execution_count))
        reply = self._evaluate(request)
        self.channel.send(reply)
        self.channel.send_aside(jupyter.Status("idle"))

    allow_stdin = False

    def _evaluate(self, request: jupyter.ExecuteRequest) -> jupyter.ExecuteReply:
        """Run the code; whatever it raises is in the reply."""
        count = self.execution_count
        self.payload_manager.clear_payload()
        store = request.store_history and not request.silent
        error: BaseException | None = None
        expressions: dict[str, Any] = {}
        try:
            with session_signals.interruptible():
                result = self.run_cell(request.code, store_history=store, silent=request.silent)
                error = result.error_before_exec or result.error_in_exec
                if error is None and request.user_expressions:
                    expressions = self.user_expressions(request.user_expressions)
        except KeyboardInterrupt as interrupt:
            error = interrupt
            self.showtraceback()
        payload = tuple(self.payload_manager.read_payload())
        self.payload_manager.clear_payload()
        if isinstance(error, SystemExit):
            error = None
        if error is None:
            return jupyter.ExecuteReply("ok", count, payload=payload, user_expressions=expressions)
        return jupyter.ExecuteReply(
            "error", count, ename=type(error).__name__, evalue=session_display.safe_text(error), payload=payload
        )

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
        """Send the traceback as an `error` message."""
        lines = tuple(str(line) for line in stb)
        self.send(jupyter.Error(etype.__name__, session_display.safe_text(evalue), lines))

    # --- input

    def _input(self, prompt: object = "") -> str:
        """`input()`: ask a person."""
        return self._ask(str(prompt), password=False)

    def _getpass(self, prompt: str = "Password: ", stream: object = None, **_: object) -> str:
        return self._ask(prompt, password=True)

    def _ask(self, prompt: str, password: bool) -> str:
        assert self.channel is not None
        if not self.allow_stdin:
            raise EOFError("This run cannot ask for input.")
        self.channel.send(jupyter.InputRequest(prompt, password))
        reply = self.channel.receive_only(jupyter.InputReply).content
        assert isinstance(reply, jupyter.InputReply)
        if reply.value == "\x04":
            raise EOFError
        return reply.value

    # --- questions

    def _complete(self, frame: Frame) -> None:
        request = frame.content
        assert isinstance(request, jupyter.CompleteRequest)
        with provisionalcompleter():
            found = list(self.Completer.completions(request.code, request.cursor_pos))
            matches = list(rectify_completions(request.code, found))
        start, end = (matches[0].start, matches[0].end) if matches else (request.cursor_pos,) * 2
        kinds = [{"start": m.start, "end": m.end, "text": m.text, "type": m.type, "signature": m.signature} for m in matches]
        metadata = {"_jupyter_types_experimental": kinds}
        self._answer(frame, jupyter.CompleteReply(tuple(m.text for m in matches), start, end, metadata))

    def _inspect(self, frame: Frame) -> None:
        from IPython.utils.tokenutil import token_at_cursor

        request = frame.content
        assert isinstance(request, jupyter.InspectRequest)
        name = token_at_cursor(request.code, request.cursor_pos)
        try:
            data = self.object_inspect_mime(name, detail_level=request.detail_level)
        except KeyError:
            self._answer(frame, jupyter.InspectReply(found=False))
            return
        self._answer(frame, jupyter.InspectReply(found=True, data=session_display.as_json(data)))

    def _is_complete(self, frame: Frame) -> None:
        request = frame.content
        assert isinstance(request, jupyter.IsCompleteRequest)
        status, indent = self.input_transformer_manager.check_complete(request.code)
        self._answer(frame, jupyter.IsCompleteReply(status, " " * (indent or 0)))

    def _kernel_info(self, frame: Frame) -> None:
        self._answer(frame, session_display.kernel_info(self.implementation))

    implementation = ("python", "")

    def _answer(self, frame: Frame, content: Message) -> None:
        assert self.channel is not None
        self.channel.send_aside(content, request=frame.request)

    # --- widgets

    def _comm(self, frame: Frame) -> None:
        assert self.channel is not None
        self.channel.run = frame.run or self.channel.run
        self.channel.send(jupyter.Status("busy"))
        try:
            with session_signals.interruptible():
                self.comms.receive(frame.content)
        except KeyboardInterrupt:
            self.showtraceback()
        self.channel.send(jupyter.Status("idle"))


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
