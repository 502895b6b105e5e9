"""The services that the SockJS protocol's published test suite asks for, on a real server.

Run as a program it serves them until it is ended, for the suite and for sockjs-client::

    python -m tests.integration.backend.sockjs_services --port 8081
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from sagews.backend.sockjs import Connection, RequestFacts, Sessions, SockJSSettings, routes
from tests.integration.backend.sockjs_client import SockJSClient

SUITE = SockJSSettings(response_limit_bytes=4096, allowed_origins=lambda origin: True)


class Echo(Connection):
    """Says what it hears, and keeps what happened to it."""

    def __init__(self, facts: RequestFacts) -> None:
        super().__init__(facts)
        self.events: list[str] = []

    async def on_open(self) -> None:
        self.events.append("open")

    async def on_message(self, text: str) -> None:
        self.events.append(text)
        await self.send(text)

    async def on_close(self) -> None:
        self.events.append("close")


class Closing(Connection):
    """Ends at once."""

    async def on_open(self) -> None:
        self.close()


def application(
    sessions: Sessions,
    settings: SockJSSettings = SUITE,
    open_connection: Callable[[RequestFacts], Connection] = Echo,
    more: Sequence[Any] = (),
) -> Application:
    """All four services, the first three with the given connection, and more routes."""
    without_websockets = dataclasses.replace(settings, websockets=False)
    with_cookie = dataclasses.replace(settings, cookie_needed=True)
    return Application(
        routes("/echo", open_connection, settings, sessions)
        + routes("/disabled_websocket_echo", open_connection, without_websockets, sessions)
        + routes("/cookie_needed_echo", open_connection, with_cookie, sessions)
        + routes("/close", Closing, settings, sessions)
        + list(more),
        log_function=lambda handler: None,
    )


class Site(SockJSClient):
    """A served application, the connections that it made, and a client of it."""

    def __init__(self, port: int, sessions: Sessions, connections: list[Connection]) -> None:
        super().__init__(port)
        self.sessions = sessions
        self.connections = connections

    @property
    def echo(self) -> Echo:
        """The first connection, where `Echo` was served."""
        assert isinstance(self.connections[0], Echo)
        return self.connections[0]


@asynccontextmanager
async def serving(
    open_connection: Callable[[RequestFacts], Connection] = Echo,
    *,
    settings: SockJSSettings = SUITE,
    more: Sequence[Any] = (),
) -> AsyncIterator[Site]:
    """Serve on a free port of the loopback address; end all sessions at the end."""
    connections: list[Connection] = []
    sessions = Sessions()

    def open_and_note(facts: RequestFacts) -> Connection:
        connection = open_connection(facts)
        connections.append(connection)
        return connection

    server = HTTPServer(application(sessions, settings, open_and_note, more))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    site = Site(sockets[0].getsockname()[1], sessions, connections)
    try:
        yield site
    finally:
        await site.hang_up()
        await sessions.close_all()
        server.stop()
        await server.close_all_connections()


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Serve the services of the SockJS protocol's test suite.")
    parser.add_argument("--port", type=int, default=8081)
    port = parser.parse_args().port
    application(Sessions()).listen(port, "127.0.0.1")
    print(f"http://127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
