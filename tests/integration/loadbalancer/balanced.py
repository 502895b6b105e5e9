"""A site of which only the load balancer is real: its backends are small servers in this process, which are told what
to answer and tell what they were asked.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect

from sagews.certificates import CertificateFolder, Identity, Role, make_all, peer_role, server_context
from sagews.component.supervision import Supervision
from sagews.configuration import Backend, Configuration, Site
from sagews.configuration.components import LoadBalancer, StaticServer
from sagews.configuration.run_files import tell_status
from sagews.loadbalancer.component import LoadBalancer as LoadBalancerComponent
from tests.servers import USER, Kept


class Asked(RequestHandler):
    """Tells what it was asked; does what the backend was told to do."""

    async def _answer(self) -> None:
        backend: FakeBackend = self.settings["backend"]
        if self.request.path == "/healthz":
            self.set_status(200 if backend.healthy else 204)
            return
        backend.asked.append(f"{self.request.method} {self.request.path}")
        if self.request.path == "/break-off":
            self.request.connection.stream.close()  # type: ignore[union-attr]
            return
        role = peer_role(self.request.connection.stream.socket)  # type: ignore[union-attr]
        if self.request.path == "/wait":
            backend.waiting.set()
            await backend.go_on.wait()
        headers = [list(pair) for pair in self.request.headers.get_all()]
        self.write({"backend": backend.number, "headers": headers, "role": role, "body": len(self.request.body)})

    get = post = put = _answer


class Echo(WebSocketHandler):
    def check_origin(self, origin: str) -> bool:
        return True

    def open(self, *args: str) -> None:
        self.set_nodelay(True)

    def on_message(self, message: str | bytes) -> None:
        self.write_message(f"{self.settings['backend'].number}: {message!s}")


class FakeBackend:
    """An HTTPS server with a backend's certificate, that wants a load balancer's."""

    def __init__(self, number: int, folder: CertificateFolder) -> None:
        self.number = number
        self.healthy = True
        self.asked: list[str] = []
        self.waiting = asyncio.Event()
        self.go_on = asyncio.Event()
        self._context = server_context(folder.identity(Role.BACKEND))
        self._server: HTTPServer | None = None
        self.port = 0

    def pretend(self, identity: Identity) -> None:
        """From the next start, show another certificate."""
        self._context = server_context(identity)

    def start(self) -> None:
        application = Application([(r"/sockjs/.*/?websocket", Echo), (".*", Asked)], backend=self)
        self._server = HTTPServer(application, ssl_options=self._context, xheaders=True)
        listening = socket.create_server(("127.0.0.1", self.port))
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        self._server.add_socket(listening)

    async def die(self) -> None:
        """Its listening socket and every connection are closed, whatever they were doing."""
        server, self._server = self._server, None
        if server is None:
            return
        server.stop()
        for connection in list(server._connections):
            with suppress(OSError):
                connection.stream.close()
        await asyncio.sleep(0)

    async def close(self) -> None:
        self.go_on.set()
        await self.die()


class Balanced:
    """The site."""

    def __init__(self, folder: Path, *, balancers: int = 1, **settings: Any) -> None:
        here = ("localhost",)
        self.configuration = Configuration(
            data_folder=folder,
            site=Site(profile="site", name="Test & <Site>"),
            loadbalancer=LoadBalancer(hosts=here * balancers, port=0, user=USER, **settings),
            staticserver=StaticServer(hosts=here, port=0, user=USER),
            backend=replace(Backend(), hosts=here * 3),
        )
        self.folder = make_all(self._of_known_users())
        self.backends = [FakeBackend(number, self.folder) for number in range(3)]
        chosen = self._with_ports(0)
        component = LoadBalancerComponent(chosen, folder / "sagews.toml", Supervision(chosen, ()))
        self.balancers = [Kept(component, number) for number in range(balancers)]

    @property
    def balancer(self) -> Kept:
        return self.balancers[0]

    @property
    def address(self) -> str:
        return f"https://localhost:{self.balancer.port}"

    def client_context(self) -> ssl.SSLContext:
        """Trusts the site's authority."""
        return ssl.create_default_context(cafile=str(self.folder.authority))

    async def start(self) -> None:
        for backend in self.backends:
            backend.start()
            path = self.configuration.status_file("backend", backend.number)
            path.parent.mkdir(parents=True, exist_ok=True)
            tell_status(path, port=backend.port)
        for balancer in self.balancers:
            await balancer.start()

    async def close(self) -> None:
        for balancer in self.balancers:
            if balancer.process is not None:
                await balancer.kill()
        for backend in self.backends:
            await backend.close()

    async def fetch(self, path: str, method: str = "GET", **more: Any) -> HTTPResponse:
        client = AsyncHTTPClient(force_instance=True)
        request = HTTPRequest(
            self.address + path, method, ssl_options=self.client_context(), allow_nonstandard_methods=True, **more
        )
        try:
            return await client.fetch(request, raise_error=False)
        finally:
            client.close()

    def renew(self) -> None:
        """All certificates are made anew."""
        make_all(self._of_known_users(), anew=True)

    async def websocket(self, path: str = "/sockjs/websocket") -> WebSocketClientConnection:
        request = HTTPRequest(f"wss{self.address.removeprefix('https')}{path}", ssl_options=self.client_context())
        return await websocket_connect(request)

    async def ask(self, path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
        answer = await self.fetch(path, method, **more)
        assert answer.code == 200, answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def _with_ports(self, port: int) -> Configuration:
        return replace(self.configuration, backend=replace(self.configuration.backend, port=port))

    def _of_known_users(self) -> Configuration:
        """The other components' users need not be there."""
        chosen = self.configuration
        nobody = {
            name: replace(getattr(chosen, name), user="")
            for name in ("backend", "worker", "postgresql", "memcached", "logserver")
        }
        return replace(chosen, **nobody)
