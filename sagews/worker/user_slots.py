"""UserSlots: who is which Unix user: each folder with a living session has one, which no other folder has meanwhile.

Several workers of a machine may be given the same users: one that a worker has taken is its own as long as it lives.
Invariant: a user that `take` gives is clean, or is said not to be.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sagews.errors import OverLimit
from sagews.worker.session_user import SessionUser

Claim = Callable[[SessionUser], AbstractContextManager[object] | None]
"""Makes a user this worker's; None where it is another's. What it returns is kept, and ends with the process."""


@dataclass
class _Slot:
    user: SessionUser
    sessions: int = 0


class UserSlots:
    """The users of one worker."""

    def __init__(self, users: tuple[SessionUser, ...], claim: Claim) -> None:
        """:param users: whom it may take, if no other worker has."""
        self._unclaimed = deque(users)
        self._unclean: deque[SessionUser] = deque()
        self._clean: deque[SessionUser] = deque()
        self._taken: dict[Path, _Slot] = {}
        self._claim = claim
        self._claims: list[AbstractContextManager[object]] = []

    def take(self, folder: Path) -> tuple[SessionUser, bool]:
        """A session begins in this folder: its user, and whether that one has to be reset first.

        :raises OverLimit: no user is free.
        """
        slot = self._taken.get(folder)
        must_reset = False
        if slot is None:
            must_reset = not self._clean
            slot = self._taken[folder] = _Slot(self._next())
        slot.sessions += 1
        return slot.user, must_reset

    def give(self, folder: Path) -> SessionUser | None:
        """A session in it has ended; the user, where it was the last: it has to be reset before its next use."""
        slot = self._taken[folder]
        slot.sessions -= 1
        if slot.sessions:
            return None
        del self._taken[folder]
        return slot.user

    def put_back(self, user: SessionUser, *, clean: bool) -> None:
        """Somebody else may become it; the one that was used longest ago comes first."""
        (self._clean if clean else self._unclean).append(user)

    def close(self) -> None:
        """Leave all to other workers."""
        for claim in self._claims:
            claim.__exit__(None, None, None)
        self._claims.clear()

    def _next(self) -> SessionUser:
        if self._clean:
            return self._clean.popleft()
        while self._unclaimed:
            user = self._unclaimed.popleft()
            claim = self._claim(user)
            if claim is not None:
                self._claims.append(claim)
                return user
        if self._unclean:
            return self._unclean.popleft()
        raise OverLimit(f"All Unix users of this worker are taken ({len(self._taken)}).", mend="Try again in a while.")


def claim_on_machine(user: SessionUser) -> socket.socket | None:
    """Claim it for this process and all of this machine: by a name in the abstract namespace of sockets (unix(7))."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        claim.bind(f"\0sagews-user-{user.uid}")
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return claim
