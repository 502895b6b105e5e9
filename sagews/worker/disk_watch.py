"""DiskWatch: how much disk an open workspace takes, and what happens when it is too much.

No quota of the file system is needed: the files are counted a moment after something may have written, at most so
often that counting takes a twentieth of a processor. Over the limit, runs are interrupted, new runs and uploads are
refused, and sessions that go on writing end; deleting files makes room. Edits go on: they are in the journal.

Invariant: nothing is counted while nothing happens in the workspace.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sagews.errors import OverLimit
from sagews.messages.records import Limits
from sagews.messages.sizes import in_binary_units
from sagews.worker.approach import Approach
from sagews.worker.disk_usage import DiskUsage, disk_usage

PAUSE_SECONDS = 1.0
"""Between two countings, at least ..."""
PAUSE_TIMES = 20
"""... and so many times as long as counting took."""
GROWTH = 1.1
"""Times what it was when it became too much: what goes on writing then is ended."""
MEND = "Delete files that are not needed."


class DiskWatch:
    """Of one open workspace."""

    def __init__(self, folder: Path, limits: Limits, pause_seconds: float = PAUSE_SECONDS) -> None:
        """Nothing is counted before something happens."""
        self.used = DiskUsage()
        """As it was when it was counted last."""
        self.on_near: Callable[[str], None] = lambda text: None
        """Is told once that the limit is near."""
        self.on_full: Callable[[str], None] = lambda text: None
        """Is told once that there is too much."""
        self.on_overrun: Callable[[str], None] = lambda reason: None
        """Is told that something goes on writing nevertheless, with the name of the limit."""
        self._folder = folder
        self._allowed = DiskUsage(limits.disk_bytes, limits.disk_files)
        self._pause_seconds = pause_seconds
        self._bytes, self._files = Approach(), Approach()
        self._reserved = DiskUsage()
        """For files that are on their way."""
        self._added = DiskUsage()
        """Files that came since it was counted."""
        self._full_at: DiskUsage | None = None
        """What there was when it became too much; None = there is room."""
        self._counted = False
        self._changed = False
        self._closed = False
        self._pause = pause_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._counting: asyncio.Task[None] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self._allowed.size_bytes or self._allowed.files)

    def changed(self) -> None:
        """Something may have been written."""
        self._changed = True
        self._wait()

    def check(self) -> None:
        """Raises OverLimit where there is too much already."""
        if self._full_at is not None:
            self.changed()  # it may be better by now; the next attempt will know
            raise OverLimit(self._too_much(), mend=MEND)

    @asynccontextmanager
    async def room_for(self, path: str, size_bytes: int) -> AsyncIterator[None]:
        """Keep so many bytes free for a file that is on its way.

        :raises OverLimit: there is no room for it; it names the file and the limit.
        """
        await self.check_room(path, size_bytes)
        self._reserved = DiskUsage(self._reserved.size_bytes + size_bytes, self._reserved.files + 1)
        try:
            yield
            self._added = DiskUsage(self._added.size_bytes + size_bytes, self._added.files + 1)
        finally:
            self._reserved = DiskUsage(self._reserved.size_bytes - size_bytes, self._reserved.files - 1)
            self.changed()

    async def check_room(self, path: str, size_bytes: int) -> None:
        """Look whether there is room for a file that may come. Raises OverLimit where there is none."""
        if not self._counted or (self._changed and self._lacks_room(path, size_bytes)):
            await self._count_now()
        refusal = self._lacks_room(path, size_bytes)
        if refusal is not None:
            raise refusal

    @property
    def room_bytes(self) -> int | None:
        """How much there was room for when it was counted last; None = there is no limit."""
        most = self._allowed.size_bytes
        taken = self.used.size_bytes + self._added.size_bytes + self._reserved.size_bytes
        return max(0, most - taken) if most else None

    async def freed(self) -> None:
        """Something was deleted: there may be room again, at once."""
        self.changed()
        if self._full_at is not None:
            await self._count_now()

    async def close(self) -> None:
        """Count no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._counting is not None:
            await self._counting

    # --- inside

    async def _count_now(self) -> None:
        if self._counting is not None:
            await self._counting
        if self.is_limited and not self._closed:
            await self._begin()

    def _lacks_room(self, path: str, size_bytes: int) -> OverLimit | None:
        """The refusal of one more file; None where there is room."""
        most = self._allowed
        parts = (self.used, self._added, self._reserved)
        files, size = sum(part.files for part in parts), sum(part.size_bytes for part in parts)
        if most.files and files >= most.files:
            return OverLimit(f"{path!r} is one file too many: a workspace may have {most.files}.", mend=MEND)
        if most.size_bytes and size + size_bytes > most.size_bytes:
            return OverLimit(
                f"There is no room for {path!r} ({in_binary_units(size_bytes)}): the files of a workspace may have "
                f"{in_binary_units(most.size_bytes)}, and have {in_binary_units(size)}.",
                mend=MEND,
            )
        return None

    def _wait(self) -> None:
        if self.is_limited and not self._closed and self._timer is None and self._counting is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._begin)

    def _begin(self) -> asyncio.Task[None]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._counting is None:
            self._counting = asyncio.create_task(self._count(), name="disk usage")
        return self._counting

    async def _count(self) -> None:
        clock = asyncio.get_running_loop().time
        self._changed, began, added = False, clock(), self._added
        try:
            self.used = await asyncio.to_thread(disk_usage, self._folder, self._enough())
            self._counted = True
            self._added = DiskUsage(self._added.size_bytes - added.size_bytes, self._added.files - added.files)
            self._pause = max(self._pause_seconds, PAUSE_TIMES * (clock() - began))
            self._judge()
        finally:
            self._counting = None
            if self._changed:
                self._wait()

    def _judge(self) -> None:
        used, most = self.used, self._allowed
        # Both are asked, whatever the first one says: each remembers.
        near = [self._bytes.is_news(used.size_bytes, most.size_bytes), self._files.is_news(used.files, most.files)]
        if not (_over(used.size_bytes, most.size_bytes) or _over(used.files, most.files)):
            self._full_at = None
            if any(near):
                self.on_near(f"{self._description()} At the limit, nothing can be run or uploaded.")
        elif self._full_at is None:
            self._full_at = used
            self.on_full(f"{self._too_much()} What runs is interrupted, and nothing can be run or uploaded. {MEND}")
        elif self._goes_on(self._full_at):
            self._full_at = used
            self.on_overrun(f"disk limit {self._name()}")

    def _enough(self) -> DiskUsage:
        """Up to where it matters how much there is: the limit, or what there was, which may grow."""
        most, used = self._allowed, self.used
        return DiskUsage(
            max(most.size_bytes, used.size_bytes) if most.size_bytes else 0,
            max(most.files, used.files) if most.files else 0,
        )

    def _goes_on(self, before: DiskUsage) -> bool:
        return self.used.size_bytes > GROWTH * before.size_bytes or self.used.files > GROWTH * before.files

    def _name(self) -> str:
        """Of the limit that is reached."""
        if _over(self.used.size_bytes, self._allowed.size_bytes):
            return in_binary_units(self._allowed.size_bytes)
        return f"{self._allowed.files} files"

    def _too_much(self) -> str:
        if _over(self.used.size_bytes, self._allowed.size_bytes):
            return f"The files of this workspace have more than {in_binary_units(self._allowed.size_bytes)}."
        return f"This workspace has more than {self._allowed.files} files and folders."

    def _description(self) -> str:
        used, most = self.used, self._allowed
        parts = []
        if most.size_bytes:
            parts.append(f"{in_binary_units(used.size_bytes)} of {in_binary_units(most.size_bytes)}")
        if most.files:
            parts.append(f"{used.files} of {most.files} files and folders")
        return f"The workspace has {' and '.join(parts)}."


def _over(used: int, allowed: int) -> bool:
    return 0 < allowed < used
