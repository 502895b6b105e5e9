"""Lease: whether the database was said to have an opening of a workspace still."""

from __future__ import annotations

import asyncio

from sagews.errors import Unavailable


class Lease:
    """Of one opening; it ends by itself."""

    def __init__(self, seconds: float, *, needed: bool) -> None:
        """
        :param seconds: how long one renewal is good for.
        :param needed: False for a scratch workspace, which nobody else can have.
        """
        self._seconds = seconds
        self._needed = needed
        self._until = 0.0
        self.renew()

    def renew(self) -> None:
        """A backend says that the database still has this opening."""
        self._until = asyncio.get_running_loop().time() + self._seconds

    def check(self) -> None:
        """Raises Unavailable where nobody has said so for too long: somebody else may have the workspace."""
        if self._needed and asyncio.get_running_loop().time() > self._until:
            raise Unavailable("The site's database has not confirmed this workspace for a while; edits are not taken.")
