"""The live connections of this backend, to be asked again who they are when somebody changes that.

Invariant: nobody is believed for longer than `Rights` believes; this only makes it quicker, and reaches those who are
silent.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from sagews.backend import background
from sagews.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Connections whose identity is looked up at the same time."""


class Listener(Protocol):
    """A connection of a client."""

    @property
    def account(self) -> str:
        """Who it is; "" before the greeting."""

    def look_again(self, workspace: str = "") -> None:
        """The rights in the workspace ("" = in each one) may be others now; must not wait."""

    async def check_identity(self) -> None:
        """End the connection, if what it came with is worth nothing any more.

        :raises DatabaseUnavailable: nobody knows now.
        """


class Audience:
    """All live connections."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._checking: set[asyncio.Task[None]] = set()

    def add(self, listener: Listener) -> None:
        """Somebody came."""
        self._listeners.add(listener)

    def remove(self, listener: Listener) -> None:
        """Somebody left; repeatable."""
        self._listeners.discard(listener)

    def rights_changed(self, workspace: str, account: str = "") -> None:
        """The rights of the account ("" = of all) in the workspace may be others now."""
        for listener in tuple(self._listeners):
            if account in ("", listener.account):
                listener.look_again(workspace)

    def account_changed(self, account: str = "") -> None:
        """The account ("" = any) was disabled, or a token of it is worth nothing any more."""
        for listener in tuple(self._listeners):
            if listener.account and account in ("", listener.account):
                listener.look_again()
                task = background.start(self._check(listener), "check of an identity")
                self._checking.add(task)
                task.add_done_callback(self._checking.discard)

    async def stop(self) -> None:
        """Look no more; repeatable."""
        await background.stop(*self._checking)

    async def _check(self, listener: Listener) -> None:
        async with self._turns:
            try:
                await listener.check_identity()
            except DatabaseUnavailable as error:
                log.info("Identity not checked", extra={"action": "identity_not_checked", "what": error.what})
