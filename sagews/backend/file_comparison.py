"""How two versions of one file are told apart, as the API answers it.

Invariant: comparing is done in a process of its own, which ends in time: it keeps no backend busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from functools import cache
from typing import ClassVar, Literal

from sagews.backend.declaration import Schema

log = logging.getLogger(__name__)

SECONDS = 30.0
AT_ONCE = 2


class LineAnswer(Schema):
    """A line; `skipped` stands for lines that are the same in both."""

    change: Literal["same", "added", "deleted", "skipped"]
    text: str


class CellAnswer(Schema):
    """A cell of a worksheet; where it is the same, its lines are left out."""

    id: str
    type: str
    change: Literal["same", "added", "deleted", "changed", "moved"]
    lines: tuple[LineAnswer, ...]
    outputs_changed: bool


class Differences(Schema):
    """What the process tells, of a worksheet or a text."""

    kind: Literal["worksheet", "text"]
    cells: tuple[CellAnswer, ...] = ()
    lines: tuple[LineAnswer, ...] = ()


class Comparison(Schema):
    """A file of two versions.

    `kind` says what is told: `worksheet` cells, `text` lines, `binary` and `large` only that they differ (`large` also
    where comparing takes too long).
    """

    MOST_BYTES: ClassVar[int] = 4 * 2**20
    """Of a file that is compared."""

    path: str
    since: str
    change: Literal["same", "added", "changed", "deleted"]
    kind: Literal["worksheet", "text", "binary", "large"]
    cells: tuple[CellAnswer, ...] = ()
    lines: tuple[LineAnswer, ...] = ()


async def compared(path: str, old: bytes | None, new: bytes | None, since: str) -> Comparison:
    """Compare two contents; None = there was no such file."""
    change: Literal["same", "added", "changed", "deleted"] = "same" if old == new else "changed"
    if old is None or new is None:
        change = "same" if old == new else "added" if old is None else "deleted"
    before, after = old or b"", new or b""
    if max(len(before), len(after)) > Comparison.MOST_BYTES:
        return Comparison(path=path, since=since, change=change, kind="large")
    if b"\0" in before or b"\0" in after:
        return Comparison(path=path, since=since, change=change, kind="binary")
    asked = {
        "old": before.decode("utf-8", "replace"),
        "new": after.decode("utf-8", "replace"),
        "is_worksheet": path.endswith(".ipynb"),
    }
    async with _turns(asyncio.get_running_loop()):
        told = await _run(json.dumps(asked).encode())
    if told is None:
        return Comparison(path=path, since=since, change=change, kind="large")
    return Comparison(path=path, since=since, change=change, kind=told.kind, cells=told.cells, lines=told.lines)


async def _run(asked: bytes) -> Differences | None:
    """None = it takes too much time or memory."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sagews.workspace.comparing",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            told, said = await process.communicate(asked)
    except TimeoutError:
        log.info("Files not compared", extra={"action": "comparison_too_long"})
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        status, end = process.returncode, said[-500:].decode("utf-8", "replace")
        log.info("Files not compared", extra={"action": "comparison_failed", "status": status, "said": end})
        return None
    return Differences.model_validate_json(told)


@cache
def _turns(loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    """For whoever compares in this loop."""
    return asyncio.Semaphore(AT_ONCE)
