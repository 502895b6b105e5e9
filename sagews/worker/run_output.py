"""RunOutput: tells and keeps what one run writes and shows.

Invariant: the record of a run (its `Outputs`) is at every moment what the events up to now have told,
so that a snapshot and the events after it never say a thing twice or leave one out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from sagews.messages import jupyter
from sagews.messages.frame import Message
from sagews.messages.workspace import Notice, OutputCut
from sagews.worker.kept_output import KeptOutput, Name
from sagews.worker.run import Run
from sagews.worker.stream import NumberedStream

CUT_SECONDS = 0.25
"""Between two `output_cut` of one run (docs/protocol.md: at most four times a second)."""


class RunOutput:
    """The output of one run, on its way to the stream, the record and the file."""

    def __init__(
        self, run: Run, kept: KeptOutput, stream: NumberedStream, rich_bytes: int, on_limit: Callable[[], None]
    ) -> None:
        """
        :param rich_bytes: so much of plots and the like is taken.
        :param on_limit: called once, when an output limit is reached.
        """
        self.run = run
        self._kept = kept
        self._stream = stream
        self._rich_bytes = rich_bytes
        self._on_limit = on_limit
        self._timer: asyncio.TimerHandle | None = None
        self._told_size = 0
        self._limited = False
        self._ended = False
        run.kept = kept

    def text(self, name: Name, text: str) -> None:
        """Text that the run wrote."""
        self._clear_if_told()
        try:
            told = self._kept.write(name, text)
        except OSError as error:
            self._limit(f"Output cannot be kept ({error.strerror}): the run is interrupted.")
            return
        if told.text:
            self.run.outputs.take_text(name, told.text)
            self._tell(jupyter.Stream(name, told.text))
        if self._kept.cut and self._timer is None:
            self._tell_growth()
        if told.full:
            self._limit(f"Output limit reached ({self._kept.kept_bytes} bytes of text): the run is interrupted.")

    def show(self, content: Message) -> None:
        """Anything else that the run shows, or does with what it showed."""
        if isinstance(content, jupyter.ClearOutput):
            if not content.wait:
                self._kept.cleared()
        else:
            self._clear_if_told()
            self.run.rich_bytes += len(json.dumps(vars(content), default=repr))
            if self.run.rich_bytes > self._rich_bytes:
                self._limit(f"Output limit reached ({self._rich_bytes} bytes of rich output): the run is interrupted.")
                return
        self._tell(content)
        self.run.outputs.take(content)

    def end(self) -> None:
        """Tell the last part of what was not told."""
        self._stop_timer()
        if self._kept.cut and not self._ended:
            self.run.hidden_bytes = self._tell_cut(self._kept.tail())
        self._ended = True

    def close(self) -> None:
        """Nothing more comes."""
        self._stop_timer()
        self._kept.close()

    def _clear_if_told(self) -> None:
        if self.run.outputs.clears_next:
            self._kept.cleared()

    def _limit(self, what: str) -> None:
        if not self._limited:
            self._limited = True
            self._tell(Notice(what, "error", self.run.document))
            self._on_limit()

    def _tell_growth(self) -> None:
        """Say how much there is, and look again in a while; stop where nothing came in between."""
        self._timer = None
        if self._kept.cut and self._kept.kept_bytes > self._told_size:
            self._told_size = self._kept.kept_bytes
            self._tell_cut()
            self._timer = asyncio.get_running_loop().call_later(CUT_SECONDS, self._tell_growth)

    def _tell_cut(self, tail: str = "") -> int:
        """Returns how many bytes are hidden."""
        kept = self._kept
        hidden = kept.untold_bytes - len(tail.encode("utf-8", "surrogatepass"))
        content = OutputCut(kept.kept_bytes, kept.kept_lines, hidden, tail, kept.cut_name)
        self.run.outputs.take(content)
        self._tell(content)
        return hidden

    def _tell(self, content: Message) -> None:
        self._stream.append(content, session=self.run.session, run=self.run.id)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
