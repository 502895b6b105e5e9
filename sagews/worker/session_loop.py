"""What a session does with each message: evaluate, answer, ask, hand on.

Invariant: after each `execute_request` exactly one `execute_reply`, whatever the code did; and one message at a time.
"""

from __future__ import annotations

import builtins
import getpass
import sys
from collections.abc import Callable
from typing import Any

from IPython.core.completer import provisionalcompleter, rectify_completions
from IPython.utils.tokenutil import token_at_cursor

from sagews.messages import Frame, jupyter
from sagews.messages.frame import Message
from sagews.worker import session_display, session_signals
from sagews.worker.session_channel import Channel
from sagews.worker.session_output import TextOutput
from sagews.worker.session_shell import SessionShell

END_OF_INPUT = "\x04"
"""The reply to an `input_request` that says that there is no line (Ctrl-D)."""


class SessionLoop:
    """The life of a session."""

    def __init__(self, shell: SessionShell, channel: Channel) -> None:
        self._shell = shell
        self._channel = channel
        self._allow_stdin = False
        self._handlers: dict[type[Message], Callable[[Frame], None]] = {
            jupyter.ExecuteRequest: self._execute,
            jupyter.CompleteRequest: self._answer,
            jupyter.InspectRequest: self._answer,
            jupyter.IsCompleteRequest: self._answer,
            jupyter.KernelInfoRequest: self._answer,
            jupyter.CommOpen: self._comm,
            jupyter.CommMsg: self._comm,
            jupyter.CommClose: self._comm,
        }

    def run(self) -> None:
        """Obey the worker's messages, one after the other, until the code ends it.

        :raises Closed: where the worker is gone.
        """
        self._shell.channel = self._channel
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextOutput):
                stream.takes = self._shell.capture.takes_text
        builtins.input = self._input
        getpass.getpass = self._getpass
        while not self._shell.exit_now:
            frame = self._channel.receive()
            handler = self._handlers.get(type(frame.content))
            if handler is not None:
                handler(frame)

    # --- evaluation

    def _execute(self, frame: Frame) -> None:
        request = frame.content
        assert isinstance(request, jupyter.ExecuteRequest)
        self._channel.run = frame.run
        self._allow_stdin = request.allow_stdin
        reply = self._evaluate(request)
        self._end_capture()
        self._channel.send(reply)
        self._channel.send_aside(jupyter.Status("idle"))

    def _evaluate(self, request: jupyter.ExecuteRequest) -> jupyter.ExecuteReply:
        """Run the code; whatever it raises is in the reply."""
        shell = self._shell
        count = shell.execution_count
        shell.payload_manager.clear_payload()
        error: BaseException | None = None
        expressions: dict[str, Any] = {}
        try:
            with session_signals.interruptible():
                self._begin(request)
                store = request.store_history and not request.silent
                result = shell.run_cell(request.code, store_history=store, silent=request.silent)
                error = result.error_before_exec or result.error_in_exec
                if error is None and request.user_expressions:
                    expressions = session_display.as_json(shell.user_expressions(request.user_expressions))
        except (KeyboardInterrupt, Exception) as raised:  # noqa: BLE001 (by a signal's handler, at the very end)
            error = raised
            shell.showtraceback()
        payload = tuple(session_display.as_json(shell.payload_manager.read_payload()))
        if error is None or isinstance(error, SystemExit):
            return jupyter.ExecuteReply("ok", count, payload=payload, user_expressions=expressions)
        evalue = session_display.safe_text(error)
        return jupyter.ExecuteReply("error", count, ename=type(error).__name__, evalue=evalue, payload=payload)

    def _begin(self, request: jupyter.ExecuteRequest) -> None:
        """Say "busy" only now: an interrupt that is sent because of it reaches this run."""
        self._channel.send(jupyter.Status("busy"))
        if not request.silent:
            self._channel.send(jupyter.ExecuteInput(request.code, self._shell.execution_count))

    def _comm(self, frame: Frame) -> None:
        """Something for a widget; its code may print, show and raise."""
        self._channel.run = frame.run or self._channel.run
        tells_state = not frame.content.only_reads  # who only looks does not keep an idle session alive
        try:
            with session_signals.interruptible():
                if tells_state:
                    self._channel.send(jupyter.Status("busy"))
                self._shell.comms.receive(frame.content)
        except (KeyboardInterrupt, Exception):  # noqa: BLE001 (a widget's code may raise anything)
            self._shell.showtraceback()
        self._end_capture()
        if tells_state:
            self._channel.send(jupyter.Status("idle"))

    def _end_capture(self) -> None:
        """Code may be called that watches what a widget shows; it may raise, and take long."""
        try:
            with session_signals.interruptible():
                self._shell.capture.end()
        except (KeyboardInterrupt, Exception):  # noqa: BLE001 (it may raise anything)
            self._shell.showtraceback()

    # --- input

    def _input(self, prompt: object = "", /) -> str:
        """`input()`: ask a person."""
        return self._ask(str(prompt), password=False)

    def _getpass(self, prompt: str = "Password: ", stream: object = None, **_: object) -> str:
        return self._ask(prompt, password=True)

    def _ask(self, prompt: str, *, password: bool) -> str:
        if not self._allow_stdin:
            raise EOFError("This run cannot ask for input.")
        self._channel.send(jupyter.InputRequest(prompt, password))
        try:
            reply = self._channel.receive_only(jupyter.InputReply).content
        except KeyboardInterrupt:
            # The traceback tells of the program that asked, not of how we wait.
            raise KeyboardInterrupt("Interrupted while waiting for input") from None
        assert isinstance(reply, jupyter.InputReply)
        if reply.value == END_OF_INPUT:
            raise EOFError
        return reply.value

    # --- questions

    def _answer(self, frame: Frame) -> None:
        """Answer a question, whatever the user's objects do when they are looked at."""
        question = frame.content
        try:
            answer = self._answer_to(question)
        except (Exception, SystemExit, KeyboardInterrupt):  # noqa: BLE001 (an object's `__dir__` may raise anything)
            answer = _no_answer(question)
        self._channel.send_aside(answer, request=frame.request)

    def _answer_to(self, question: Message) -> Message:
        if isinstance(question, jupyter.CompleteRequest):
            return self._complete(question)
        if isinstance(question, jupyter.InspectRequest):
            return self._inspect(question)
        if isinstance(question, jupyter.IsCompleteRequest):
            status, indent = self._shell.input_transformer_manager.check_complete(question.code)
            return jupyter.IsCompleteReply(status, " " * (indent or 0))
        return session_display.kernel_info(self._shell.implementation)

    def _complete(self, request: jupyter.CompleteRequest) -> jupyter.CompleteReply:
        with provisionalcompleter():
            found = self._shell.Completer.completions(request.code, request.cursor_pos)
            matches = list(rectify_completions(request.code, found))
        start, end = (matches[0].start, matches[0].end) if matches else (request.cursor_pos, request.cursor_pos)
        kinds = [
            {
                "start": match.start,
                "end": match.end,
                "text": match.text,
                "type": match.type,
                "signature": match.signature,
            }
            for match in matches
        ]
        texts = tuple(match.text for match in matches)
        return jupyter.CompleteReply(texts, start, end, {"_jupyter_types_experimental": kinds})

    def _inspect(self, request: jupyter.InspectRequest) -> jupyter.InspectReply:
        name = token_at_cursor(request.code, request.cursor_pos)
        try:
            data = self._shell.object_inspect_mime(name, detail_level=request.detail_level)
        except KeyError:
            return jupyter.InspectReply(found=False)
        return jupyter.InspectReply(found=True, data=session_display.as_json(data))


def _no_answer(question: Message) -> Message:
    """To a question that cannot be answered."""
    if isinstance(question, jupyter.CompleteRequest):
        return jupyter.CompleteReply((), question.cursor_pos, question.cursor_pos, status="error")
    if isinstance(question, jupyter.InspectRequest):
        return jupyter.InspectReply(found=False, status="error")
    return jupyter.IsCompleteReply("unknown")
