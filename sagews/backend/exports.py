"""Exports: a worksheet in a form for other programs, as it is now, open or not."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache
from typing import Literal

from sagews.backend.call import Call, Download
from sagews.backend.declaration import Operations, Query
from sagews.backend.files import begun, bulk, checked
from sagews.database.choices import Role
from sagews.errors import Conflict, NotFound, OverLimit, TooLarge, UsageError
from sagews.messages.files import FileRead
from sagews.messages.sizes import in_binary_units
from sagews.workspace import notebook as notebooks
from sagews.workspace import scripts

log = logging.getLogger(__name__)

exports = Operations("exports")

LARGEST_BYTES = 64 * 2**20
"""Of a worksheet's file."""
SECONDS = 90.0
AT_ONCE = 2
"""Pages that are made at a time; each takes a processor for a second or more."""
FORMS = {"ipynb": "application/x-ipynb+json", "html": "text/html; charset=utf-8", "py": "text/x-python; charset=utf-8"}


class Form(Query):
    """`ipynb`: the notebook; `html`: a page that needs nothing else; `py`: a program without outputs."""

    form: Literal["ipynb", "html", "py"] = "html"


@exports.declare(
    "GET",
    "/api/workspaces/{workspace}/exports/{path}",
    query=Form,
    sends="application/octet-stream",
    refuses=(NotFound, Conflict, UsageError, TooLarge, OverLimit),
)
async def export_worksheet(call: Call) -> Download:
    """Read a worksheet in another form."""
    path, form = checked(call.path["path"]), call.query(Form).form
    if not path.endswith(".ipynb"):
        raise NotFound(f"{path!r} is no worksheet.", mend="Download it as it is.")
    data = await _whole(await begun(bulk(call, Role.READER), FileRead(path)), path)
    title = path.rpartition("/")[2].removesuffix(".ipynb")
    if form == "html":
        data = await _page(data, title)
    elif form == "py":
        data = (await asyncio.to_thread(_program, data)).encode("utf-8", "replace")
    return Download(_once(data), FORMS[form], f"{title}.{form}", len(data))


async def _whole(pieces: AsyncGenerator[bytes], path: str) -> bytes:
    data = bytearray()
    async with aclosing(pieces):
        async for piece in pieces:
            data += piece
            if len(data) > LARGEST_BYTES:
                raise TooLarge(
                    f"{path!r} has more than {in_binary_units(LARGEST_BYTES)}.", mend="Clear its outputs first."
                )
    return bytes(data)


def _program(data: bytes) -> str:
    return scripts.write(notebooks.read(data.decode("utf-8", "replace")))


async def _page(data: bytes, title: str) -> bytes:
    """Make the page, in a process of its own: what is in a worksheet can keep no backend busy.

    :raises UsageError: it is no worksheet; OverLimit: it takes too much time or memory.
    """
    async with _turns(asyncio.get_running_loop()):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sagews.workspace.exporting", title,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            page, complaint = await asyncio.wait_for(process.communicate(data), SECONDS)
        except TimeoutError as error:
            raise OverLimit("The page takes too long to make.", mend="Clear large outputs and try again.") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode == 2:
        raise UsageError(complaint.decode("utf-8", "replace")[:300], mend="Open it as text, or restore a version.")
    if process.returncode:
        log.warning(
            "Page not made", extra={"action": "export_failed", "error": complaint[-500:].decode("utf-8", "replace")}
        )
        raise OverLimit("The page takes too much memory or time to make.", mend="Clear large outputs and try again.")
    return page


@cache
def _turns(loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    """For whoever makes a page in this loop."""
    return asyncio.Semaphore(AT_ONCE)


async def _once(data: bytes) -> AsyncGenerator[bytes]:
    yield data
