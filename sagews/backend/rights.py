"""What somebody who is signed in may do in one workspace, looked up again when the answer is older than a second.

Invariant: a right that was taken away is gone within `FRESH_SECONDS`, whichever backend took it; and nothing is asked
while nothing passes. While the database is down the last answer stands: evaluation goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sagews.backend.identity import Who
from sagews.database.choices import Role, TokenKind
from sagews.database.store import Store
from sagews.errors import DatabaseUnavailable, NotAllowed, NotFound
from sagews.messages.records import Actor

FRESH_SECONDS = 1.0
PATIENCE_SECONDS = 1.0
"""How long an answer of the database may take."""


class Rights:
    """An account's role in a workspace."""

    def __init__(self, store: Store, who: Who, workspace: str, seconds: Callable[[], float] = time.monotonic) -> None:
        """:param seconds: a clock that only goes forward."""
        self.account = who.account.id
        self.workspace = workspace
        self._store = store
        self._who = who
        self._role: Role | None = None
        self._looked_at = float("-inf")
        self._seconds = seconds
        self._turn = asyncio.Lock()

    async def require_reading(self) -> None:
        """:raises NotFound: the account may not know that there is such a workspace (any more)."""
        if await self._fresh_role() is None:
            raise NotFound("There is no such workspace.")

    async def require_writing(self) -> None:
        """:raises NotAllowed: the account may only read.
        :raises NotFound: not even that.
        """
        await self.require_reading()
        if self._role is Role.READER:
            raise NotAllowed("You may read this workspace, not change it.")

    def doubt(self) -> None:
        """The next question is asked of the database, however fresh the last answer is."""
        self._looked_at = float("-inf")

    def actor(self) -> Actor:
        """Who the worker is told that it is, by the last answer."""
        return Actor(account=self.account, name=self._who.account.name, role=(self._role or Role.READER).value)

    async def _fresh_role(self) -> Role | None:
        if self._seconds() - self._looked_at < FRESH_SECONDS:
            return self._role
        async with self._turn:
            if self._seconds() - self._looked_at >= FRESH_SECONDS:
                await self._look()
        return self._role

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                role = await self._store.permissions.role(self.workspace, self.account)
                if not await self._is_signed_in():
                    role = None
        except (DatabaseUnavailable, TimeoutError) as error:
            if self._role is None:
                raise DatabaseUnavailable from error
            role = self._role
        self._role, self._looked_at = role, self._seconds()

    async def _is_signed_in(self) -> bool:
        """Whether the token by which it came is still good."""
        who, store = self._who, self._store
        if not who.token:
            return not (await store.accounts.get(self.account)).disabled
        kind = TokenKind.COOKIE if who.by_cookie else TokenKind.API
        good = await store.tokens.of_account(self.account, kind)
        return any(token.id == who.token for token in good) and not (await store.accounts.get(self.account)).disabled
