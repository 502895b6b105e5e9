"""SiteFiles: the files of one workspace of a site, for programs::

    files = site.files(workspace)
    await files.upload(Path("data.csv"), "data/data.csv")
    print([entry.path for entry in await files.list("data")])
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

from sagews.messages.files import FileEntry, FileImported

PART_BYTES = 4 * 2**20
"""Of a file, in one request."""
PAGE = 5000

Fetch = Callable[[str, str, bytes | None], Awaitable[bytes]]
"""Method, path and body of a request; the answer's body."""


class SiteFiles:
    """Made by `SiteClient.files`. Every method raises the SagewsError that the site answers with."""

    def __init__(self, fetch: Fetch, workspace: str) -> None:
        """:param workspace: its id."""
        self._fetch = fetch
        self._base = f"/api/workspaces/{quote(workspace, safe='')}"

    async def list(self, path: str = "") -> tuple[FileEntry, ...]:
        """All that is in a folder ("" = the top): folders first, then by name."""
        found: list[FileEntry] = []
        while True:
            query = urlencode({"path": path, "start": len(found), "limit": PAGE})
            page = await self._json("GET", f"/files?{query}")
            found += [FileEntry(**entry) for entry in page["entries"]]
            if len(page["entries"]) < PAGE:
                return tuple(found)

    async def read(self, path: str) -> bytes:
        """The whole of a file."""
        return await self._fetch("GET", self._file(path), None)

    async def write(self, path: str, data: bytes, *, keep: bool = False) -> None:
        """Write a file, whole, in one request; with `keep`, only where there is none."""
        await self._fetch("PUT", self._file(path) + ("?keep=true" if keep else ""), data)

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        keep: bool = False,
        on_progress: Callable[[int, int], None] = lambda received, size: None,
    ) -> None:
        """Send a file of this machine, of any size, in parts; it takes its place when all of it is there.

        :param on_progress: is called with the bytes that have arrived, and those of the file.
        """
        size = source.stat().st_size
        state = await self._json("POST", "/uploads", {"path": path, "size": size, "keep": keep})
        address = f"/uploads/{state['id']}"
        with source.open("rb") as file:
            while not state["finished"]:
                file.seek(state["received"])
                part = await asyncio.to_thread(file.read, PART_BYTES)
                raw = await self._fetch("PUT", f"{self._base}{address}?offset={state['received']}", part)
                state = json.loads(raw)
                on_progress(state["received"], size)

    async def download(self, path: str, to: Path) -> None:
        """Read a file into one of this machine."""
        await asyncio.to_thread(to.write_bytes, await self.read(path))

    async def archive(self, path: str = "") -> bytes:
        """A folder ("" = the whole workspace) as a zip file."""
        return await self._fetch("GET", f"{self._base}/archive?{urlencode({'path': path})}", None)

    async def export(self, path: str, form: Literal["ipynb", "html", "py"]) -> bytes:
        """A worksheet in a form for other programs, as it is now."""
        return await self._fetch("GET", f"{self._base}/exports/{quote(path)}?form={form}", None)

    async def import_file(self, path: str) -> FileImported:
        """Unpack a zip file into a folder beside it, or make a worksheet of a program; the file stays."""
        return FileImported(**await self._json("POST", "/imports", {"path": path}))

    async def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it."""
        await self._fetch("DELETE", self._file(path), None)

    async def rename(self, path: str, to: str) -> None:
        """Give a file or folder another path; nothing may be there."""
        await self._fetch("PATCH", self._file(path), json.dumps({"path": to}).encode())

    async def make_folder(self, path: str) -> None:
        """Make a folder, and those above it."""
        await self._json("POST", "/files", {"path": path})

    def _file(self, path: str) -> str:
        return f"{self._base}/files/{quote(path)}"

    async def _json(self, method: str, path: str, body: object = None) -> Any:
        raw = await self._fetch(method, self._base + path, None if body is None else json.dumps(body).encode())
        return json.loads(raw) if raw else None
