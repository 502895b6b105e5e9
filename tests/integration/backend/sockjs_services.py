"""The services that the SockJS protocol's published test suite asks for, on a real server.

Run as a program it serves them until it is ended, for the suite and for sockjs-client::

    python tests/integration/backend/sockjs_services.py --port 8081
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
from collections.abc import Callable

from tornado.web import Application

from sagews.backend.sockjs import Connection, RequestFacts, Sessions, SockJSSettings, routes

SUITE = SockJSSettings(response_limit_bytes=4096, allowed_origins=lambda origin: True)


class Echo(Connection):
    """Says what it hears."""

    async def on_message(self, text: str) -> None:
        await self.send(text)


class Closing(Connection):
    """Ends at once."""

    async def on_open(self) -> None:
        self.close()


def application(
    sessions: Sessions,
    settings: SockJSSettings = SUITE,
    echo: Callable[[RequestFacts], Connection] = Echo,
) -> Application:
    """All four services."""
    without_websockets = dataclasses.replace(settings, websockets=False)
    with_cookie = dataclasses.replace(settings, cookie_needed=True)
    return Application(
        routes("/echo", echo, settings, sessions)
        + routes("/close", Closing, settings, sessions)
        + routes("/disabled_websocket_echo", echo, without_websockets, sessions)
        + routes("/cookie_needed_echo", echo, with_cookie, sessions)
    )


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
