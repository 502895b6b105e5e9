"""WorkerServer: listens, greets, and owns the open workspaces.

Invariant: whoever is not greeted (certificate, token or peer's uid, protocol) gets nothing done.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import socket
import ssl
from pathlib import Path

import sagews
from sagews.certificates import Role, require_role
from sagews.errors import MessageError, NotSignedIn
from sagews.messages import Frame
from sagews.messages.connection import PROTOCOL, Hello, Welcome
from sagews.strangers import Strangers
from sagews.worker.connection import Connection
from sagews.worker.door import Door
from sagews.worker.environments import Environments
from sagews.worker.requests import Requests
from sagews.worker.settings import WorkerSettings
from sagews.worker.workspaces import Workspaces

log = logging.getLogger(__name__)

TELL_SECONDS = 0.1
"""Changes of room in this time are told together."""


class WorkerServer:
    """One worker."""

    def __init__(self, data: Path, environments: Environments, settings: WorkerSettings, token: str = "") -> None:
        """
        :param data: its own folder; made where it is not there.
        :param token: that peers on TLS must say; on the Unix socket none is needed.
        """
        self.settings = settings
        self.workspaces = Workspaces(data, environments, settings)
        self._environments = environments
        self._token = token
        self._requests = Requests(self.workspaces, settings)
        self._doors: list[Door] = []
        self._connections: set[Connection] = set()
        self._ungreeted: Strangers[Connection] = Strangers(settings.ungreeted_connections, _cut)
        self._telling: asyncio.TimerHandle | None = None
        self.workspaces.on_change = self._tell_soon

    # --- listening

    def listen_unix(self, path: Path) -> None:
        """Listen on a Unix socket, for this user only."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        self._open_door(listener, None)

    def listen_tls(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen on TLS; the context must require certificates. Returns the port (of 0: the one given)."""
        if context.verify_mode is not ssl.CERT_REQUIRED or not self._token:
            raise NotSignedIn("A worker listens on TLS only with certificates required and a token.")
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._open_door(listener, context)
        return int(listener.getsockname()[1])

    def _open_door(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        listener.setblocking(False)
        listener.listen(128)

        def make(peer: str) -> Connection:
            connection = Connection(self, needs_token=context is not None)
            self._connections.add(connection)
            self._ungreeted.came(connection, peer)
            return connection

        self._doors.append(Door(listener, context, make, self._may_enter, self.settings))

    def _may_enter(self) -> bool:
        return len(self._connections) - len(self._ungreeted) < self.settings.connections

    async def close(self, reason: str = "the worker was stopped") -> None:
        """Close every workspace and every connection.

        The doors stay open until the workspaces are closed: backends come through them for the last bundles."""
        await self.workspaces.close_all(reason)
        for door in self._doors:
            door.close()
        if self._telling is not None:
            self._telling.cancel()
        for connection in tuple(self._connections):
            connection.close()

    # --- Host of connections

    def greeted(self, connection: Connection, hello: Hello) -> Frame:
        """Raises NotSignedIn for a wrong token, MessageError for a protocol or role that is not served."""
        token = hello.token.encode("utf-8", "surrogatepass")
        if connection.needs_token and not hmac.compare_digest(token, self._token.encode()):
            raise NotSignedIn("The worker's token is wrong.", mend="Give both sides the same token.")
        if connection.needs_token:
            require_role(connection.ssl_object, {Role.BACKEND, Role.ADMIN})
        if not hello.protocol_minimum <= PROTOCOL <= hello.protocol_maximum:
            raise MessageError(f"Protocol {PROTOCOL} is spoken here.", mend="Bring both sides to the same version.")
        if hello.role in ("browser", "log"):
            raise MessageError("A browser talks to a backend, and who logs to the log server, not to a worker.")
        self._ungreeted.left(connection)
        if hello.role == "backend":
            asyncio.get_running_loop().call_soon(self._introduce, connection)
        log.info("Peer greeted", extra={"action": "peer_greeted", "role": hello.role, "build": hello.build})
        return Frame(content=Welcome(PROTOCOL, sagews.__version__, environments=self._environments.names))

    def _introduce(self, connection: Connection) -> None:
        connection.send(Frame(content=self.workspaces.openings()))
        connection.send(Frame(content=self.workspaces.room()))

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell)

    def _tell(self) -> None:
        """Let every backend know how much room there is; while the worker is drained, also what is open still."""
        self._telling = None
        room = self.workspaces.room()
        news = [room, self.workspaces.openings()] if room.draining else [room]
        for connection in self._connections:
            if connection.role == "backend":
                for content in news:
                    connection.send(Frame(content=content))

    def heard(self, connection: Connection, frame: Frame) -> None:
        """Hand it on."""
        self._requests.heard(connection, frame)

    def gone(self, connection: Connection) -> None:
        """Forget it."""
        self._connections.discard(connection)
        self._ungreeted.left(connection)


def _cut(connection: Connection, peer: str) -> None:
    """There are too many that say nothing."""
    log.warning("Stranger cut", extra={"action": "stranger_cut", "peer": peer})
    connection.abort()
