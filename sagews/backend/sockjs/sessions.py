"""All open sessions of one or more SockJS services.

Invariant: a session stands here until its `on_close` has returned and nobody can ask for it any more.
"""

from __future__ import annotations

import asyncio

from sagews.backend.sockjs.http_session import HttpSession
from sagews.backend.sockjs.session import Session


class Sessions:
    """The table in which requests find their session, and by which all are ended."""

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, str], HttpSession] = {}
        self._open: set[Session] = set()
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    def has_room(self, maximum: int) -> bool:
        """Whether one more session may open."""
        return not self._closing and max(len(self._open), len(self._by_id)) < maximum

    def find(self, prefix: str, session_id: str) -> HttpSession | None:
        """The HTTP session with this id of the service at this prefix."""
        return self._by_id.get((prefix, session_id))

    def add(self, session: Session) -> None:
        """Enter a session; it goes when it is finished."""
        self._open.add(session)
        session.when_finished(lambda: self._open.discard(session))

    def name(self, prefix: str, session_id: str, session: HttpSession) -> None:
        """Let requests find an HTTP session."""
        self._by_id[prefix, session_id] = session

    def forget(self, prefix: str, session_id: str) -> None:
        """No request finds it any more."""
        self._by_id.pop((prefix, session_id), None)

    async def close_all(self, code: int = 3000, reason: str = "Go away!") -> None:
        """End every session, wait for each `on_close`; no session opens afterwards. Repeatable."""
        self._closing = True
        sessions = list(self._open)
        for session in sessions:
            session.close(code, reason)
        await asyncio.gather(*(session.finished() for session in sessions))
        for named in list(self._by_id.values()):
            named.expire()
