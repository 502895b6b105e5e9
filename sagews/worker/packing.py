"""Packing: a folder of a workspace as a zip file, made bit by bit, so that it needs neither memory nor disk.

Links, pipes and devices are left out; a file that cannot be read, or goes meanwhile, too.
"""

from __future__ import annotations

import io
import logging
import os
import time
import zipfile
from collections.abc import Iterator

from sagews.errors import SagewsError
from sagews.worker.files import PART, Files

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
FIRST_YEAR, LAST_YEAR = 1980, 2107
"""That a zip file can tell (APPNOTE.TXT, section 4.4.6)."""


def packed(files: Files, path: str) -> Iterator[bytes]:
    """A zip file of what is in the folder at `path` ("" = the top); names in it are relative to that folder.

    :raises NotFound: no such folder.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in _walk(files, path, ""):
            if name.endswith("/"):
                archive.writestr(zipfile.ZipInfo(name), b"")
            else:
                yield from _packed_file(files, f"{path}/{name}" if path else name, name, archive, sink)
            yield sink.taken()
    yield sink.taken()


def _walk(files: Files, top: str, below: str) -> Iterator[str]:
    """Names of files, and of folders (with a slash) that have nothing in them."""
    folders, nothing = [], True
    place = "/".join(part for part in (top, below) if part)
    with files.folder(place) as descriptor, os.scandir(descriptor) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(PART) or not _is_text(entry.name):
                continue
            name = f"{below}/{entry.name}" if below else entry.name
            nothing = False
            if entry.is_dir(follow_symlinks=False):
                folders.append(name)
            elif entry.is_file(follow_symlinks=False):
                yield name
    if nothing and below:
        yield f"{below}/"
    for name in folders:
        try:
            yield from _walk(files, top, name)
        except SagewsError as error:
            log.info("Folder not packed", extra={"action": "folder_not_packed", "error": error.what})


def _packed_file(files: Files, path: str, name: str, archive: zipfile.ZipFile, sink: _Sink) -> Iterator[bytes]:
    try:
        descriptor = files.open_to_read(path)
    except SagewsError as error:
        log.info("File not packed", extra={"action": "file_not_packed", "error": error.what})
        return
    with os.fdopen(descriptor, "rb") as file:
        when = time.localtime(os.fstat(descriptor).st_mtime)[:6]
        about = zipfile.ZipInfo(name, when if FIRST_YEAR <= when[0] <= LAST_YEAR else (FIRST_YEAR, 1, 1, 0, 0, 0))
        about.compress_type = zipfile.ZIP_DEFLATED
        about.external_attr = 0o644 << 16
        with archive.open(about, "w", force_zip64=True) as member:
            while data := file.read(READ_BYTES):
                member.write(data)
                yield sink.taken()


def _is_text(name: str) -> bool:
    """Whether a file's name is UTF-8, as all names in the archive are."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Sink(io.RawIOBase):
    """Takes what is written, and hands it on; it cannot go back, so the archive does not try."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._waiting += data
        return len(data)

    def taken(self) -> bytes:
        """What came since the last time."""
        data = bytes(self._waiting)
        self._waiting.clear()
        return data
