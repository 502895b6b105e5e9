"""FolderWatch: notices what changes in the folders that people look at, in all open workspaces of a worker.

Invariants: it is woken by the kernel only, and at most every `pause_seconds` however much is written; of each workspace
only the folders looked at last are watched.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sagews.worker import inotify
from sagews.worker.files import PART, Files
from sagews.worker.inotify import Inotify

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.25


class FolderWatch:
    """One for the whole worker."""

    def __init__(self, pause_seconds: float = PAUSE_SECONDS) -> None:
        """Nothing is watched, and nothing is opened, at first."""
        self._pause_seconds = pause_seconds
        self._inotify: Inotify | None = None
        self._by_watch: dict[int, WatchedFolders] = {}
        self._pause: asyncio.TimerHandle | None = None

    def add(self, watcher: WatchedFolders, folder: int) -> int:
        """Watch an open folder for a workspace. Raises OSError where the machine cannot."""
        if self._inotify is None:
            self._inotify = Inotify()
            asyncio.get_running_loop().add_reader(self._inotify.descriptor, self._readable)
        watch = self._inotify.add(folder)
        self._by_watch[watch] = watcher
        return watch

    def remove(self, watch: int) -> None:
        """Watch it no more."""
        if self._by_watch.pop(watch, None) is not None and self._inotify is not None:
            self._inotify.remove(watch)

    def close(self) -> None:
        """Watch nothing any more; repeatable."""
        if self._pause is not None:
            self._pause.cancel()
        if self._inotify is not None:
            asyncio.get_running_loop().remove_reader(self._inotify.descriptor)
            self._inotify.close()
            self._inotify = None
        self._by_watch.clear()

    def _readable(self) -> None:
        """Take what there is, and look again after a while only: what comes meanwhile is told together."""
        assert self._inotify is not None
        changed: dict[WatchedFolders, set[int]] = {}
        gone: set[int] = set()
        for change in self._inotify.changes():
            if change.mask & inotify.OVERFLOW:
                for watch, watcher in self._by_watch.items():
                    changed.setdefault(watcher, set()).add(watch)
            elif change.watch in self._by_watch and not change.name.startswith(PART):
                changed.setdefault(self._by_watch[change.watch], set()).add(change.watch)
                if change.mask & inotify.IGNORED:
                    gone.add(change.watch)
        for watcher, watches in changed.items():
            watcher.changed(watches, gone)
        for watch in gone:
            self._by_watch.pop(watch, None)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._inotify.descriptor)
        self._pause = loop.call_later(self._pause_seconds, self._resume)

    def _resume(self) -> None:
        if self._inotify is not None:
            asyncio.get_running_loop().add_reader(self._inotify.descriptor, self._readable)


class WatchedFolders:
    """Those of one open workspace."""

    def __init__(self, watch: FolderWatch, files: Files, tell: Callable[[str], None], maximum: int) -> None:
        """
        :param tell: is called with the path of a folder that has changed ("" = the top).
        :param maximum: folders at once; the one that was looked at longest ago goes first.
        """
        self._watch = watch
        self._files = files
        self._tell = tell
        self._maximum = maximum
        self._paths: dict[int, str] = {}
        """By the number of the watch, the one looked at last at the end."""

    def watch(self, path: str) -> None:
        """Somebody looks at this folder.

        :raises NotFound: no such folder.
        """
        with self._files.folder(path) as folder:
            try:
                watch = self._watch.add(self, folder)
            except OSError as error:
                log.warning("Folder not watched", extra={"action": "folder_not_watched", "error": str(error)})
                return
        self._paths.pop(watch, None)
        self._paths[watch] = path
        if len(self._paths) > self._maximum:
            oldest = next(iter(self._paths))
            del self._paths[oldest]
            self._watch.remove(oldest)

    def changed(self, watches: set[int], gone: set[int]) -> None:
        """For `FolderWatch`: these have changed; those in `gone` are not watched any more."""
        for watch in watches:
            path = self._paths.get(watch)
            if path is not None:
                self._tell(path)
            if watch in gone:
                self._paths.pop(watch, None)

    def stop(self) -> None:
        """Nobody looks any more; repeatable."""
        for watch in self._paths:
            self._watch.remove(watch)
        self._paths.clear()
