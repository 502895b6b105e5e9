"""Lays out what is published as files, for the nginx of this machine, which goes on serving them whatever else is down.

Invariants: a publication's folder is exchanged whole. Backends of one machine lay out one after the other (a lock), and
what one has done the next one leaves. Names that begin with a dot are ours, and nginx gives them to nobody.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sagews.backend import background
from sagews.backend.published_files import FIRST, PublishedFiles
from sagews.configuration import Configuration
from sagews.database.publications import Publication
from sagews.database.store import Store
from sagews.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

STATE = ".state.json"
FOLDER_MODE, FILE_MODE = 0o755, 0o644
AGAIN_SECONDS = 5.0
"""After the database was away, or the disk full."""


def published_folder(configuration: Configuration) -> Path | None:
    """What the nginx of this machine serves; None = there is none here, and backends serve it themselves."""
    if configuration.is_solo or configuration.host not in configuration.staticserver.hosts:
        return None
    return configuration.data_folder / "published"


class PublishedLayout:
    """Of one machine, from `start` to `stop`."""

    def __init__(self, store: Store, files: PublishedFiles, folder: Path | None) -> None:
        """:param folder: what nginx serves as ``/published/``; None = there is no nginx here."""
        self._store = store
        self._files = files
        self._folder = folder
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; repeatable."""
        if self._task is None and self._folder is not None:
            self._task = background.start(self._run(), "layout of what is published")

    async def stop(self) -> None:
        """End; repeatable."""
        await background.stop(self._task)
        self._task = None

    def look(self) -> None:
        """Something else is published now, perhaps."""
        self._news.set()

    async def lay_out(self) -> None:
        """Make the files be what the database has; quick where they are.

        :raises DatabaseUnavailable: it does not answer; OSError: a file cannot be written.
        """
        if self._folder is None:
            return
        async with self._turn:
            shown = await self._store.publications.shown()
            done = await asyncio.to_thread(_laid_out, self._folder)
            for one in shown:
                if done.get(one.id) != _state(one):
                    files = await self._files.all_of(one)
                    await asyncio.to_thread(_exchange, self._folder, one, files)
            listing = await self._files.listing()
            await asyncio.to_thread(_finish, self._folder, {one.id for one in shown}, listing)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                await self.lay_out()
            except (DatabaseUnavailable, OSError) as error:
                log.warning("Published pages not laid out", extra={"action": "not_laid_out", "what": str(error)})
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            await self._news.wait()


def _state(publication: Publication) -> str:
    return json.dumps([publication.revision, publication.version])


def _laid_out(folder: Path) -> dict[str, str]:
    """The state of each publication that is laid out."""
    return {path.parent.name: path.read_text() for path in folder.glob(f"*/{STATE}")}


def _exchange(folder: Path, publication: Publication, files: Mapping[str, bytes]) -> None:
    target, part = folder / publication.id, folder / f".new-{publication.id}"
    with _lock(folder):
        if _laid_out(folder).get(publication.id) == _state(publication):
            return
        shutil.rmtree(part, ignore_errors=True)
        for name, content in files.items():
            _write(part / name, content)
        _write(part / STATE, _state(publication).encode())
        _remove(target)
        part.rename(target)


def _finish(folder: Path, shown: set[str], listing: bytes) -> None:
    """Take away what is shown no more, and write the page of all that is listed."""
    with _lock(folder):
        for path in folder.glob(f"*/{STATE}"):
            if path.parent.name not in shown:
                _remove(path.parent)
        if not (folder / FIRST).is_file() or (folder / FIRST).read_bytes() != listing:
            _write(folder / f".new-{FIRST}", listing)
            (folder / f".new-{FIRST}").replace(folder / FIRST)


def _remove(path: Path) -> None:
    """Out of sight at once, whatever is in it."""
    if path.exists():
        old = path.with_name(f".old-{path.name}")
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        shutil.rmtree(old)


def _write(path: Path, content: bytes) -> None:
    """Readable for everybody, whatever the umask is."""
    for folder in [one for one in (path.parent, *path.parent.parents) if not one.exists()][::-1]:
        folder.mkdir()
        folder.chmod(FOLDER_MODE)
    path.write_bytes(content)
    path.chmod(FILE_MODE)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
