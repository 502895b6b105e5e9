"""The words that columns choose from."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an account may do in a workspace; each role may all that the next one may."""

    OWNER = "owner"
    COLLABORATOR = "collaborator"
    READER = "reader"

    def includes(self, needed: Role) -> bool:
        """Whether this role may do what ``needed`` may do."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class WorkspaceKind(StrEnum):
    """``SCRATCH`` workspaces are thrown away when they are closed."""

    NORMAL = "normal"
    SCRATCH = "scratch"


class TokenKind(StrEnum):
    """What a token is for: a browser's cookie, a script, signing in once, or setting a new password once."""

    COOKIE = "cookie"
    API = "api"
    ONCE = "once"
    RESET = "reset"


class WorkerState(StrEnum):
    """``DRAINING`` workers keep what is open and take nothing new."""

    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"


class BackendState(StrEnum):
    """``DRAINING`` backends end their connections; clients connect to others."""

    READY = "ready"
    DRAINING = "draining"
