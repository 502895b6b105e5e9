"""SessionUser: the Unix user that the sessions of one open workspace are, and no others meanwhile."""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import dataclass

from sagews.errors import ConfigurationError

NAME = "user"
"""What each of them is called inside."""
LOWEST = 1000
"""Below it are the users of the system."""
MOST = 10_000
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True, order=True)
class SessionUser:
    """Its numbers."""

    uid: int
    gid: int

    @classmethod
    def myself(cls) -> SessionUser:
        """Whoever this process is."""
        return cls(os.geteuid(), os.getegid())


def session_users(text: str) -> tuple[SessionUser, ...]:
    """Read ``700000-700999``, ``1501,1502`` or ``alice,bob`` (names of users of this machine).

    :raises ConfigurationError: a user is not there, is one of the system's, or is named twice; there are too many.
    """
    found = [user for part in text.split(",") if part.strip() for user in _users_of(part.strip())]
    low = next((user.uid for user in found if user.uid < LOWEST), None)
    if low is not None:
        raise ConfigurationError(f"The user {low} belongs to the system.", mend=f"Use numbers from {LOWEST} on.")
    if len({user.uid for user in found}) < len(found) or len(found) > MOST:
        raise ConfigurationError(f"{text!r} names a user twice, or more than {MOST}.")
    return tuple(found)


def _users_of(part: str) -> list[SessionUser]:
    match = _RANGE.fullmatch(part)
    if match:
        first = int(match[1])
        last = int(match[2] or first)
        if not first <= last < first + MOST:
            raise ConfigurationError(f"{part!r} is no range of at most {MOST} users.")
        return [SessionUser(number, number) for number in range(first, last + 1)]
    try:
        entry = pwd.getpwnam(part)
    except KeyError as error:
        raise ConfigurationError(
            f"There is no Unix user {part!r}.", mend="Make it, or use a range of numbers."
        ) from error
    return [SessionUser(entry.pw_uid, entry.pw_gid)]


def in_short(users: tuple[SessionUser, ...]) -> str:
    """As `from_short` reads it; neighbours make a range."""
    parts: list[list[SessionUser]] = []
    for user in users:
        last = parts[-1][-1] if parts else None
        if last and user == SessionUser(last.uid + 1, last.gid + 1):
            parts[-1].append(user)
        else:
            parts.append([user])
    return ",".join(f"{part[0].uid}:{part[0].gid}+{len(part)}" for part in parts)


def from_short(text: str) -> tuple[SessionUser, ...]:
    """Read what `in_short` wrote."""
    users: list[SessionUser] = []
    for part in filter(None, text.split(",")):
        first, _, count = part.partition("+")
        uid, _, gid = first.partition(":")
        users += [SessionUser(int(uid) + n, int(gid) + n) for n in range(int(count))]
    return tuple(users)


def user_line(user: SessionUser) -> str:
    """In /etc/passwd of a session."""
    return f"{NAME}:x:{user.uid}:{user.gid}:Sage:/home/{NAME}:/bin/bash\n"


def group_line(user: SessionUser) -> str:
    """In /etc/group of a session."""
    return f"{NAME}:x:{user.gid}:\n"
