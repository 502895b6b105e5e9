"""One SockJS service: what its request handlers share.

Invariant: an application's refusal of a client reaches that client as the reason of a closed session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tornado.httputil import HTTPServerRequest

from sagews.backend.sockjs.connection import Connection
from sagews.backend.sockjs.facts import RequestFacts
from sagews.backend.sockjs.http_session import HttpSession
from sagews.backend.sockjs.sessions import Sessions
from sagews.backend.sockjs.settings import SockJSSettings
from sagews.errors import SagewsError

OpenConnection = Callable[[RequestFacts], Connection]

_REFUSED = 4000  # plus the HTTP status; RFC 6455 leaves 4000 to 4999 to applications


class Refused(Connection):
    """A client that the application does not want: its session opens and closes with the reason."""

    def __init__(self, facts: RequestFacts, error: SagewsError) -> None:
        super().__init__(facts)
        self._error = error

    async def on_open(self) -> None:
        """Say why."""
        self.close(_REFUSED + self._error.status, str(self._error))


@dataclass(frozen=True)
class Service:
    """A prefix, and what is served there."""

    prefix: str
    open_connection: OpenConnection
    settings: SockJSSettings
    sessions: Sessions

    def connect(self, request: HTTPServerRequest, transport: str) -> Connection:
        """Let the application make a connection."""
        facts = RequestFacts.of(request, transport=transport, identity=self.settings.identity(request))
        try:
            return self.open_connection(facts)
        except SagewsError as error:
            return Refused(facts, error)

    def has_room(self) -> bool:
        """Whether one more session may open."""
        return self.sessions.has_room(self.settings.maximum_sessions)

    def find(self, request: HTTPServerRequest, session_id: str) -> HttpSession | None:
        """The session with this id, if it belongs to the sender of the request."""
        session = self.sessions.find(self.prefix, session_id)
        return session if session and session.identity == self.settings.identity(request) else None

    def open(self, request: HTTPServerRequest, session_id: str, transport: str) -> HttpSession | None:
        """A new session with this id; None where somebody else has it."""
        if self.sessions.find(self.prefix, session_id):
            return None
        connection = self.connect(request, transport)
        session = HttpSession(connection, self.settings, lambda: self.sessions.forget(self.prefix, session_id))
        self.sessions.add(session)
        self.sessions.name(self.prefix, session_id, session)
        return session
