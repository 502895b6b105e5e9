"""One call of an operation: what its function is given, already checked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sagews.backend.collaborators import Backend
from sagews.backend.declaration import Query, Schema
from sagews.backend.identity import Who
from sagews.database.choices import Role
from sagews.errors import NotAllowed, NotSignedIn

_Body = TypeVar("_Body", bound=Schema)
_Query = TypeVar("_Query", bound=Query)


@dataclass
class Call:
    """What is asked for, and by whom."""

    backend: Backend
    path: Mapping[str, str]
    """The parameters of the path, by name."""
    remote_ip: str
    agent: str
    """What the program calls itself (User-Agent)."""
    protocol: str = "http"
    host: str = ""
    """What the client calls this server, with its port."""
    who_or_nobody: Who | None = None
    given_query: Any = None
    given_body: Any = None
    pieces: AsyncIterator[bytes] | None = None
    """The body of an operation that takes a file."""
    size: int = 0
    """Bytes of that body."""
    new_cookie: str | None = None
    """Set by the function: the cookie's new value; "" = no cookie any more."""
    headers: dict[str, str] = field(default_factory=dict)
    """Set by the function: of the answer."""

    @property
    def who(self) -> Who:
        """:raises NotSignedIn: nobody is."""
        if self.who_or_nobody is None:
            raise NotSignedIn
        return self.who_or_nobody

    def body(self, kind: type[_Body]) -> _Body:
        """The body, which is of the declared kind."""
        if not isinstance(self.given_body, kind):
            raise TypeError(f"the declaration has no body {kind.__name__}")
        return self.given_body

    def query(self, kind: type[_Query]) -> _Query:
        """The parameters after the question mark, which are of the declared kind."""
        if not isinstance(self.given_query, kind):
            raise TypeError(f"the declaration has no query {kind.__name__}")
        return self.given_query

    async def workspace(self, needed: Role) -> str:
        """The id of the path's workspace, in which the caller has this role.

        :raises NotFound: the caller may not know of such a workspace.
        :raises NotAllowed: the caller's role does not include it.
        """
        workspace = self.path["workspace"]
        await self.backend.store.permissions.require(workspace, self.who.account.id, needed)
        return workspace

    def require_operator(self) -> None:
        """:raises NotAllowed: the caller does not administer the site."""
        if not self.who.is_operator:
            raise NotAllowed("Only the site's operator may do this.")


@dataclass(frozen=True)
class Download:
    """An answer that is sent piece by piece."""

    pieces: AsyncGenerator[bytes]
    media_type: str
    file_name: str
    size: int = -1
