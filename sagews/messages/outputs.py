"""Outputs: what one run showed, as notebook outputs (nbformat 4.5).

Pure. The worker keeps one for every run, and a client that follows a run makes the same one of its
events. Neighbouring text of the same stream is joined; `clear_output(wait=True)` takes effect with the
next output; a carriage return is kept as it is.
"""

from __future__ import annotations

from typing import Any

from sagews.messages import jupyter
from sagews.messages.frame import Message
from sagews.messages.workspace import OutputCut

Output = dict[str, Any]


class Outputs:
    """The outputs of one run, in the order in which they were told."""

    def __init__(self, outputs: tuple[Output, ...] = ()) -> None:
        """Start with the outputs that a file had, or none."""
        self._outputs: list[Output] = [dict(output) for output in outputs]
        self._texts: list[str] = []
        """Pieces of the last output's text, where it is a stream that still grows."""
        self._displays: dict[str, list[Output]] = {}
        self._clear_next = False
        for output in self._outputs:
            self._note_display(output.pop("transient", {}), output)

    def take(self, content: Message) -> None:
        """Add what a message shows; messages that show nothing change nothing."""
        if isinstance(content, jupyter.ClearOutput):
            if content.wait:
                self._clear_next = True
            else:
                self.clear()
        elif isinstance(content, jupyter.Stream):
            self.take_text(content.name, content.text)
        elif isinstance(content, jupyter.UpdateDisplayData):
            self.update_display(content)
        elif isinstance(content, OutputCut):
            if content.tail:
                self.take_text(content.name, (cut_note(content) if content.hidden_bytes else "") + content.tail)
        else:
            output = _as_output(content)
            if output is not None:
                self._add(output)
                if isinstance(content, jupyter.DisplayData):
                    self._note_display(content.transient, output)

    def take_text(self, name: str, text: str) -> None:
        """Add text of a stream ("stdout", "stderr")."""
        self._clear_if_told()
        last = self._outputs[-1] if self._outputs else None
        if last is None or last["output_type"] != "stream" or last["name"] != name:
            self._add({"output_type": "stream", "name": name, "text": ""})
        elif not self._texts:
            self._texts.append(str(last["text"]))
        self._texts.append(text)

    def update_display(self, content: jupyter.UpdateDisplayData) -> bool:
        """Give what was shown under the display id its new form; returns whether it is here."""
        found = self._displays.get(str(content.transient.get("display_id", "")), [])
        for output in found:
            output["data"], output["metadata"] = content.data, content.metadata
        return bool(found)

    def clear(self) -> None:
        """Forget everything."""
        self._outputs.clear()
        self._texts.clear()
        self._displays.clear()
        self._clear_next = False

    @property
    def clears_next(self) -> bool:
        """Whether the next output takes the place of all that are here."""
        return self._clear_next

    def as_tuple(self) -> tuple[Output, ...]:
        """The outputs as JSON values; later changes do not reach them."""
        self._join()
        return tuple(dict(output) for output in self._outputs)

    def with_displays(self) -> tuple[Output, ...]:
        """The same, each display with its ``transient.display_id``: a later update finds it where these are known."""
        self._join()
        names = {id(output): name for name, found in self._displays.items() for output in found}
        return tuple(
            {**output, "transient": {"display_id": names[id(output)]}} if id(output) in names else dict(output)
            for output in self._outputs
        )

    def _add(self, output: Output) -> None:
        self._clear_if_told()
        self._join()
        self._outputs.append(output)

    def _clear_if_told(self) -> None:
        if self._clear_next:
            self.clear()

    def _join(self) -> None:
        if self._texts:
            self._outputs[-1]["text"] = "".join(self._texts)
            self._texts.clear()

    def _note_display(self, transient: Any, output: Output) -> None:
        display = transient.get("display_id") if isinstance(transient, dict) else None
        if isinstance(display, str):
            self._displays.setdefault(display, []).append(output)


def cut_note(content: OutputCut) -> str:
    """What stands where text is not shown."""
    whole = f"{content.kept_lines} lines, {content.kept_bytes} bytes in all"
    return f"\n[... {content.hidden_bytes} bytes are kept, not shown; {whole} ...]\n"


def _as_output(content: Message) -> Output | None:
    if isinstance(content, jupyter.DisplayData):
        return {"output_type": "display_data", "data": content.data, "metadata": content.metadata}
    if isinstance(content, jupyter.ExecuteResult):
        return {
            "output_type": "execute_result",
            "execution_count": content.execution_count,
            "data": content.data,
            "metadata": content.metadata,
        }
    if isinstance(content, jupyter.Error):
        return {
            "output_type": "error",
            "ename": content.ename,
            "evalue": content.evalue,
            "traceback": list(content.traceback),
        }
    return None
