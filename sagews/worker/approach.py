"""Approach: tells when what is used comes near to a limit, once each time. Pure."""

from __future__ import annotations

NEAR = 0.9
"""Of a limit: who is told of it then has time to do something."""
FAR = 0.8
"""Below it, coming near is news again."""


class Approach:
    """To one limit of one session or workspace."""

    def __init__(self) -> None:
        """Far away."""
        self._is_near = False

    def is_news(self, used: float, limit: float) -> bool:
        """Whether this has just come near.

        :param used: in the unit of `limit`.
        :param limit: 0 = there is none.
        """
        was_near = self._is_near
        if limit and used >= NEAR * limit:
            self._is_near = True
        elif not limit or used < FAR * limit:
            self._is_near = False
        return self._is_near and not was_near
