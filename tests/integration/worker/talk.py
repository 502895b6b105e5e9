"""What the tests of sessions say to one, and how they look at processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from sagews.messages import Frame
from sagews.messages.frame import Message
from sagews.messages.jupyter import (
    DisplayData,
    Error,
    ExecuteReply,
    ExecuteRequest,
    ExecuteResult,
    Status,
    Stream,
)
from sagews.worker.session_process import SessionProcess

M = TypeVar("M", bound=Message)


class Talk:
    """A conversation with a session."""

    def __init__(self, process: SessionProcess) -> None:
        self.process = process
        self.frames: list[Frame] = []
        self.warnings: list[str] = []
        self._came = asyncio.Event()
        self._requests = 0
        process.on_frame = self._on_frame
        process.on_warning = self._on_warning
        process.ended.add_done_callback(lambda _: self._came.set())

    def _on_frame(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._came.set()

    def _on_warning(self, text: str) -> None:
        self.warnings.append(text)
        self._came.set()

    async def until(self, state: Callable[[], object]) -> None:
        """Wait for frames until `state` is true; fail where the session ends first."""
        async with asyncio.timeout(60):
            while not state():
                assert not self.process.ended.done(), self.process.ended.result()
                self._came.clear()
                await self._came.wait()

    def begin(self, code: str, **fields: object) -> None:
        self.frames.clear()
        self._requests += 1
        self.process.send(Frame(content=ExecuteRequest(code, **fields), run=f"r{self._requests}"))  # type: ignore[arg-type]

    async def run(self, code: str, **fields: object) -> Answer:
        """Evaluate and wait until the session is idle again."""
        self.begin(code, **fields)
        return await self.answer()

    async def answer(self) -> Answer:
        await self.until(lambda: any(f.content == Status("idle") for f in self.frames))
        return Answer(list(self.frames))

    async def ask(self, question: Message, kind: type[M]) -> M:
        """Send a question and wait for its answer."""
        self._requests += 1
        number = self._requests
        self.process.send(Frame(content=question, request=number))
        await self.until(lambda: any(f.request == number for f in self.frames))
        content = next(f.content for f in self.frames if f.request == number)
        assert isinstance(content, kind)
        return content


class Answer:
    """The frames of one run."""

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = frames

    def all(self, kind: type[M]) -> list[M]:
        return [frame.content for frame in self.frames if isinstance(frame.content, kind)]

    @property
    def reply(self) -> ExecuteReply:
        [reply] = self.all(ExecuteReply)
        return reply

    @property
    def error(self) -> Error:
        [error] = self.all(Error)
        return error

    @property
    def result(self) -> str:
        assert self.reply.status == "ok", self.all(Error)
        [result] = self.all(ExecuteResult)
        return str(result.data["text/plain"])

    def text(self, name: str = "stdout") -> str:
        return "".join(stream.text for stream in self.all(Stream) if stream.name == name)

    @property
    def pieces(self) -> list[str]:
        """Text and displays in their order, neighbouring text joined."""
        pieces: list[tuple[str, str]] = []
        for frame in self.frames:
            content = frame.content
            if isinstance(content, Stream):
                if pieces and pieces[-1][0] == content.name:
                    pieces[-1] = (content.name, pieces[-1][1] + content.text)
                else:
                    pieces.append((content.name, content.text))
            elif isinstance(content, (DisplayData, ExecuteResult)):
                pieces.append(("display", str(content.data["text/plain"])))
        return [f"{name}: {text}" for name, text in pieces]


def living(processes: Iterable[int]) -> set[int]:
    """Those that run still; a zombie does too, as long as nobody has reaped it and we are its ancestor."""
    return {process for process in processes if state_of(process) not in ("", "Z", "X")}


def state_of(process: int) -> str:
    """The kernel's letter for a process's state; "" = there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def marked(mark: str) -> set[int]:
    """Processes whose environment has this text: they and their children cannot hide it."""
    found = set()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                if mark.encode() in Path(f"/proc/{name}/environ").read_bytes():
                    found.add(int(name))
            except OSError:
                continue
    return found


def zombies_below(parent: int) -> list[int]:
    """Children of `parent` that nobody reaped."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] == "Z" and int(fields[1]) == parent:
                found.append(int(name))
    return found
