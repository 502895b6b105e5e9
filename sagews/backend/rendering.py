"""Rendering: worksheets to pages, in a process of its own.

Invariant: nothing that strangers wrote is parsed in the backend's own process, whose time everybody shares.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import sys
from dataclasses import asdict
from typing import Any

from sagews.database.publications import Content, PublishedPage
from sagews.errors import OverLimit, UsageError
from sagews.workspace.rendering.frames import Facts

log = logging.getLogger(__name__)

RENDERING_SECONDS = 90.0
AT_ONCE = 2


class Rendering:
    """Renders; a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def render(self, sheets: dict[str, bytes], facts: Facts, *, whole: bool) -> Content:
        """The pages of a version.

        :param sheets: worksheets' files by path.
        :raises UsageError: a file is no worksheet, or there is none.
        :raises OverLimit: rendering takes too long, or too much memory.
        """
        asked = {
            "sheets": [{"path": path, "content": _text(content)} for path, content in sheets.items()],
            "facts": asdict(facts) | {"at": facts.at.isoformat()},
            "whole": whole,
        }
        async with self._turns:
            told = await _run(json.dumps(asked).encode())
        if "refused" in told:
            what, what_to_do = told["refused"]
            raise UsageError(what, mend=what_to_do)
        pages = tuple(PublishedPage(name, source, base64.b64decode(text)) for name, source, text in told["pages"])
        return Content(told["title"], told["words"], pages)


async def _run(asked: bytes) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sagews.workspace.rendering",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(RENDERING_SECONDS):
            told, said = await process.communicate(asked)
    except TimeoutError as error:
        raise OverLimit("Rendering the worksheet takes too long.", mend="Publish a smaller one.") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        log.error(
            "Rendering failed",
            extra={
                "action": "rendering_failed",
                "status": process.returncode,
                "said": said[-2000:].decode(errors="replace"),
            },
        )
        raise OverLimit("The worksheet could not be rendered.", mend="Publish a smaller one, with less output.")
    result: dict[str, Any] = json.loads(told)
    return result


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
