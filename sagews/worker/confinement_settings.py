"""ConfinementSettings: how the sessions of a worker are to be confined, as it is told; what can be, a zygote tries."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path

from sagews.worker.session_user import SessionUser, from_short, in_short


@dataclass(frozen=True)
class ConfinementSettings:
    """Wishes."""

    wanted: bool = False
    """Whether sessions are confined at all, beyond limits and no new privileges."""
    users: tuple[SessionUser, ...] = ()
    """One for each open workspace; for a zygote that is root."""
    owner: int = 0
    """User id to which the workspaces' folders belong: the worker server's."""
    hidden: tuple[Path, ...] = ()
    """Folders of which sessions see nothing."""
    shown: tuple[Path, ...] = ()
    """Folders that they see besides what the environment needs, read-only."""
    temporary_bytes: int = 2**30
    """Of /tmp, and of /dev/shm, of each session."""

    def as_arguments(self) -> list[str]:
        """For the command line of a zygote."""
        if not self.wanted:
            return []
        return [
            "--confined",
            f"--users={in_short(self.users)}",
            f"--owner={self.owner}",
            f"--temporary-bytes={self.temporary_bytes}",
            *(f"--hide={path}" for path in self.hidden),
            *(f"--show={path}" for path in self.shown),
        ]

    @staticmethod
    def add_arguments(parser: ArgumentParser) -> None:
        """Declare what `as_arguments` gives."""
        parser.add_argument("--confined", action="store_true", help="confine the sessions as far as can be")
        parser.add_argument("--users", type=from_short, default=(), help="Unix users for them")
        parser.add_argument("--owner", type=int, default=0, help="user id of the owner of the workspaces' folders")
        parser.add_argument("--temporary-bytes", type=int, default=2**30, help="of a session's /tmp")
        parser.add_argument("--hide", type=Path, action="append", default=[], help="a folder that they do not see")
        parser.add_argument("--show", type=Path, action="append", default=[], help="a folder that they see")

    @classmethod
    def from_arguments(cls, parsed: Namespace) -> ConfinementSettings:
        """What was declared so."""
        return cls(
            parsed.confined, parsed.users, parsed.owner, tuple(parsed.hide), tuple(parsed.show), parsed.temporary_bytes
        )
