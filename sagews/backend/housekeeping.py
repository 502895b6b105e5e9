"""What a backend tidies up in the database: at its start and once a day.

Invariant: whatever is deleted is good for nothing any more, so several backends may tidy up at once.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sagews.database.store import Store
from sagews.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
KEPT = timedelta(days=30)
"""How long a token is kept after it was revoked or expired, for whoever asks what it was."""


async def keep_house(store: Store, every: timedelta = EVERY) -> None:
    """Forget old tokens (cookies, mostly) now, and again after each such time; ends by being cancelled."""
    while True:
        try:
            forgotten = await store.tokens.forget_old(KEPT)
            await store.invitations.forget_old()
            log.info("Old tokens forgotten", extra={"action": "tokens_forgotten", "tokens": forgotten})
        except DatabaseUnavailable as error:
            log.info("Old tokens kept", extra={"action": "tokens_kept", "what": error.what})
        await asyncio.sleep(every.total_seconds())
