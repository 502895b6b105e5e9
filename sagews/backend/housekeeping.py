"""What a backend tidies up: at its start and once a day.

Invariant: whatever is deleted is good for nothing any more, so several backends may tidy up at once.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sagews.backend.worker_folders import WorkerFolders
from sagews.database.store import Store
from sagews.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
KEPT = timedelta(days=30)
"""How long a token is kept after it was revoked or expired, for whoever asks what it was."""
GONE_KEPT = timedelta(days=730)
"""How long it is remembered that a workspace is gone: a worker that is away for longer keeps its folder."""


async def keep_house(store: Store, folders: WorkerFolders, keep_deleted: timedelta, every: timedelta = EVERY) -> None:
    """Delete what is over now, and again after each such time; ends by being cancelled.

    :param keep_deleted: how long workspaces that were deleted are kept.
    """
    while True:
        try:
            await _tidy_database(store, keep_deleted)
        except DatabaseUnavailable as error:
            log.info("Old tokens kept", extra={"action": "tokens_kept", "what": error.what})
        await folders.tidy()
        await asyncio.sleep(every.total_seconds())


async def _tidy_database(store: Store, keep_deleted: timedelta) -> None:
    forgotten = await store.tokens.forget_old(KEPT)
    await store.invitations.forget_old()
    log.info("Old tokens forgotten", extra={"action": "tokens_forgotten", "tokens": forgotten})
    purged = await store.workspaces.purge_deleted(keep_deleted)
    await store.gone_workspaces.forget_old(GONE_KEPT)
    if purged:
        log.info("Deleted workspaces purged", extra={"action": "workspaces_purged", "workspaces": purged})
