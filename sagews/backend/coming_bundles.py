"""Bundles of checkpoints, fetched from the worker while the journal goes on; what is fetched waits to be stored.

Invariant: at most `SPOOLED_BYTES` of a bundle are in memory; only what has the announced size and SHA-256 is stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import IO

from sagews.backend import background
from sagews.backend.bulk import Bulk
from sagews.backend.going_bundles import facts_of
from sagews.database.bundles import NewBundle
from sagews.errors import Damaged, NotAllowed, SagewsError, Unavailable
from sagews.messages import Frame
from sagews.messages.history import BundleRead
from sagews.messages.records import BundleRecord
from sagews.messages.workspace import Checkpoint

SPOOLED_BYTES = 1024 * 1024
"""Beyond, a bundle is in a temporary file."""


class ComingBundles:
    """Of one open workspace."""

    def __init__(
        self,
        workspace: str,
        bulk: Callable[[], AbstractAsyncContextManager[Bulk]] | None,
        come: Callable[[Frame], None],
        refuse: Callable[[Frame, SagewsError], None],
    ) -> None:
        """
        :param come: is called with the checkpoint whose bundle is here.
        :param refuse: is called with the checkpoint whose bundle did not come.
        """
        self._workspace = workspace
        self._bulk = bulk
        self._come = come
        self._refuse = refuse
        self._here: dict[int, IO[bytes]] = {}
        """By the number of the checkpoint."""
        self._tasks: set[asyncio.Task[None]] = set()

    def fetch(self, frame: Frame, bundle: BundleRecord) -> None:
        """Begin to fetch the bundle of a checkpoint."""
        task = background.start(self._fetch(frame, bundle), f"bundle of {self._workspace}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def of(self, frame: Frame) -> NewBundle | None:
        """The bundle of a checkpoint; None = it has none."""
        content = frame.content
        if not isinstance(content, Checkpoint) or content.bundle is None:
            return None
        return NewBundle(facts_of(content.bundle), self._here[frame.request])

    def drop(self, frame: Frame) -> None:
        """The bundle of a checkpoint is not needed any more; repeatable."""
        file = self._here.pop(frame.request, None)
        if file is not None:
            file.close()

    async def stop(self) -> None:
        """Fetch no more, and forget what is here; repeatable."""
        await background.stop(*self._tasks)
        for file in self._here.values():
            file.close()
        self._here.clear()

    async def _fetch(self, frame: Frame, bundle: BundleRecord) -> None:
        try:
            if self._bulk is None:
                raise NotAllowed("Bundles are not fetched here.")
            file = await fetched(self._bulk(), bundle)
        except SagewsError as error:
            self._refuse(frame, error)
            return
        except asyncio.CancelledError:
            self._refuse(frame, Unavailable("This backend does not store the workspace any more."))
            raise
        self.drop(frame)
        self._here[frame.request] = file
        self._come(frame)


async def fetched(connecting: AbstractAsyncContextManager[Bulk], bundle: BundleRecord) -> IO[bytes]:
    """The bundle, in a temporary file.

    :raises Damaged: what came is not what was announced.
    :raises Unavailable: the disk for temporary files cannot take it.
    :raises SagewsError: the worker refuses, or is gone.
    """
    file = tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115 - whoever gets it closes it
    try:
        digest, size = hashlib.sha256(), 0
        async with connecting as bulk:
            async for piece in bulk.read(BundleRead(bundle.head)):
                size += len(piece)
                if size > bundle.size:
                    break
                digest.update(piece)
                file.write(piece)
        if size != bundle.size or digest.hexdigest() != bundle.sha256:
            raise Damaged("The bundle that came is not the one that was announced.")
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise Unavailable(f"The bundle cannot be kept here: {error.strerror}.") from error
        raise
    return file
