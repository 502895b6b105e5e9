"""Evaluation: code on a site, from opening a session to its last output."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from sagews.client.site import SiteClient
from sagews.client.worker_channel import Channel
from sagews.errors import SessionEnded as SessionEndedError
from sagews.errors import UsageError
from sagews.messages import jupyter
from sagews.messages.commands import Execute, OpenSession
from sagews.messages.frame import Frame, Message
from sagews.messages.outputs import Outputs
from sagews.messages.workspace import (
    Acknowledged,
    Attached,
    Notice,
    OutputCut,
    RunEnded,
    SessionEnded,
    WorkspaceClosed,
)

SESSION = "eval"
EXIT = SystemExit.__name__
NUMBER = re.compile(r"-?[0-9]{1,18}")
"""An exit status; any other value of `SystemExit` is a message, and stands for 1 (as by `sys.exit`)."""

Show = Callable[[str, str], None]
"""Gets ("stdout" or "stderr", text)."""


class Evaluation:
    """One evaluation, in a session of its own."""

    def __init__(self, site: SiteClient, environment: str) -> None:
        """:param environment: one of the site's; "" = its first."""
        self.outputs = Outputs()
        """As a notebook has them, when `run` has returned."""
        self.execution_count = 0
        self._site = site
        self._environment = environment
        self._workspace = ""
        self._channel: Channel | None = None
        self._run = ""
        self._shown_bytes = 0
        self._cut = False
        self._interrupting: list[asyncio.Task[None]] = []

    async def run(self, code: str, show: Show) -> str:
        """Evaluate `code`; returns its status: ok, error, interrupted or died.

        :raises SagewsError: where the site refuses it, or the session ends before the code does.
        """
        live = await self._site.live()
        known = live.welcome.environments if live.welcome is not None else ()
        if self._environment and self._environment not in known:
            raise UsageError(f"There is no environment {self._environment!r} there; allowed: {', '.join(known)}.")
        self._workspace = await self._site.make_scratch_workspace()
        channel = self._channel = live.channel(self._workspace)
        first = await channel.attach()
        await channel.command(OpenSession(self._environment), session=SESSION)
        taken = await channel.command(Execute(code), session=SESSION)
        assert isinstance(taken.content, Acknowledged)
        self._run = taken.content.runs[0]
        async for frame in channel.events():
            if frame is first:  # from before there was a session
                continue
            status = await self._heard(frame, show)
            if status:
                return status
        raise SessionEndedError

    def interrupt(self) -> None:
        """Stop the code; it ends with the status `interrupted`."""
        if self._channel is not None and self._run:
            self._start(self._channel.command(jupyter.InterruptRequest(), session=SESSION))

    async def close(self) -> None:
        """End the session and throw its workspace away."""
        if self._workspace:
            await self._site.delete_workspace(self._workspace)

    def exit_status(self, status: str) -> int:
        """What the shell is told, as by Python: 0, the number of a `SystemExit`, or 1.

        :param status: what `run` returned.
        """
        if status != "ok":
            return 1
        exits = [output for output in self.outputs.as_tuple() if output.get("ename") == EXIT]
        evalue = str(exits[-1]["evalue"]) if exits else ""
        if not evalue:
            return 0
        return int(evalue) & 0xFF if NUMBER.fullmatch(evalue) else 1

    def _start(self, command: Coroutine[Any, Any, Frame]) -> None:
        async def say() -> None:
            await command

        self._interrupting.append(asyncio.ensure_future(say()))

    async def _heard(self, frame: Frame, show: Show) -> str:
        content = frame.content
        if isinstance(content, Attached):
            return self._start_over(content, show)
        if isinstance(content, WorkspaceClosed | SessionEnded):
            raise SessionEndedError(f"The session has ended: {content.reason}.")
        if isinstance(content, Notice):
            show("stderr", f"[{content.text}]\n")
        if frame.run != self._run:
            return ""
        if isinstance(content, RunEnded):
            self.execution_count = content.execution_count
            await self._show_what_was_cut(show)
            if content.reason:
                show("stderr", f"[{content.reason}]\n")
            return content.status
        self._show(content, show)
        return ""

    def _show(self, content: Message, show: Show) -> None:
        if isinstance(content, OutputCut):
            self._cut = True
            if not content.tail:
                return
        self.outputs.take(content)
        if isinstance(content, jupyter.Stream) and not self._cut:
            self._shown_bytes += len(content.text.encode("utf-8", "surrogatepass"))
            show(content.name, content.text)
        elif isinstance(content, jupyter.DisplayData | jupyter.ExecuteResult):
            show("stdout", _plain(content.data))
        elif isinstance(content, jupyter.Error) and content.ename == EXIT:
            if content.evalue and not NUMBER.fullmatch(content.evalue):
                show("stderr", f"{content.evalue}\n")
        elif isinstance(content, jupyter.Error):
            show("stderr", "\n".join(content.traceback or (f"{content.ename}: {content.evalue}",)) + "\n")

    async def _show_what_was_cut(self, show: Show) -> None:
        """There was more text than is told as it comes: the rest of it is fetched."""
        if self._cut:
            whole = await self._site.output(self._workspace, self._run)
            show("stdout", whole[self._shown_bytes :].decode("utf-8", "replace"))

    def _start_over(self, attached: Attached, show: Show) -> str:
        """A lost connection came back with a snapshot: what is new in it is shown."""
        if attached.snapshot is None or not self._run:
            return ""
        for record in attached.snapshot.cells:
            if record.run == self._run:
                self.outputs = Outputs(record.outputs)
                show("stderr", "[The connection was lost; what was said meanwhile is in the outputs.]\n")
                self.execution_count = record.execution_count
                return record.status if record.status not in ("queued", "running") else ""
        raise SessionEndedError("The worker was restarted; the session has ended.")


def _plain(data: dict[str, Any]) -> str:
    """The form for a terminal."""
    text = data.get("text/plain")
    if isinstance(text, list):
        text = "".join(text)
    return f"{text}\n" if text else f"[{', '.join(data)}]\n"
