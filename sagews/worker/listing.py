"""Listing: what is in a folder of a workspace, a page of it at a time.

Only what is on the page is looked at closely, so that a folder of many thousand files is listed in milliseconds.
"""

from __future__ import annotations

import os
import stat

from sagews.messages.files import FileEntries, FileEntry, FileList
from sagews.worker.files import PART, Files


def listed(files: Files, asked: FileList, maximum: int) -> FileEntries:
    """Folders, then the rest, each by name without regard to case.

    :param maximum: entries in one answer, whatever was asked for.
    :raises NotFound: no such folder.
    """
    wanted = asked.matching.casefold()
    prefix = f"{asked.path}/" if asked.path else ""
    start, limit = max(0, asked.start), min(asked.limit or maximum, maximum)
    with files.folder(asked.path) as folder:
        with os.scandir(folder) as entries:
            found = [
                (not entry.is_dir(follow_symlinks=False), entry.name.casefold(), entry.name)
                for entry in entries
                if not entry.name.startswith(PART) and wanted in entry.name.casefold()
            ]
        found.sort()
        page = tuple(_entry(prefix, name, folder) for _, _, name in found[start : start + limit])
    return FileEntries(page, len(found))


def _entry(prefix: str, name: str, folder: int) -> FileEntry:
    raw = os.fsencode(name)
    shown = raw.decode("utf-8", "replace")
    path = prefix + shown
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return FileEntry(path, "other")
    if shown.encode() != raw:
        return FileEntry(path, "other", found.st_size, found.st_mtime)  # nothing that JSON can hold names it
    if stat.S_ISDIR(found.st_mode):
        return FileEntry(path, "folder", 0, found.st_mtime)
    return FileEntry(path, "file" if stat.S_ISREG(found.st_mode) else "other", found.st_size, found.st_mtime)
