"""The Tornado application of a backend: which address is answered by what.

Invariant: a request whose Host header names another server is refused, whatever it asks for; on a site for one person
only names of this machine are allowed, so that no page of a stranger's domain that resolves to 127.0.0.1 gets in
(DNS rebinding).
"""

from __future__ import annotations

import logging
import re
from typing import Any

import orjson
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

from sagews.backend import accounts, files, health, sessions, sign_in, workspaces
from sagews.backend.answers import Answering
from sagews.backend.api import Api
from sagews.backend.client_connection import BUILD, ClientConnection
from sagews.backend.collaborators import Backend
from sagews.backend.declaration import by_path
from sagews.backend.health import HealthPage
from sagews.backend.metrics import MetricsPage
from sagews.backend.openapi import describe
from sagews.backend.pages import SAGE_FILES, ClientFile, Nothing, Page, Refusing, SignInPage
from sagews.backend.sockjs import SockJSSettings, routes
from sagews.configuration.site import is_loopback
from sagews.errors import NotAllowed

log = logging.getLogger(__name__)

NOUNS = (
    sign_in.signing_in,
    accounts.accounts,
    sign_in.tokens,
    workspaces.workspaces,
    files.files,
    sessions.sessions,
    health.status,
)
SOCKJS = "/sockjs"
HEADER_BYTES = 32 * 1024
CHUNK_BYTES = 64 * 1024
IDLE_SECONDS = 120.0


class BackendApplication(Application):
    """Routes requests that come by a name of this server."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        super().__init__(
            _rules(backend), default_handler_class=Nothing, log_function=self._count, websocket_ping_interval=20
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """The handler for a request, or one that refuses it."""
        if self._backend.is_solo and not is_loopback(_name(request.host.lower())):
            error = NotAllowed(
                "This server is not known by that name.", mend="Open the address that `sagews run` printed."
            )
            return self.get_handler_delegate(request, Refusing, {"error": error})
        return super().find_handler(request, **kwargs)

    def _count(self, handler: RequestHandler) -> None:
        seconds = handler.request.request_time()
        self._backend.metrics.count(handler.get_status(), seconds)
        log.debug(
            "Request answered",
            extra={
                "action": "request_answered",
                "method": handler.request.method,
                "path": handler.request.path,
                "status": handler.get_status(),
                "seconds": round(seconds, 4),
            },
        )


class OpenApiPage(Answering):
    """``/api/openapi.json``: open to all."""

    def initialize(self, description: bytes) -> None:
        self.description = description

    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.write(self.description)


def make_server(backend: Backend) -> HTTPServer:
    """An HTTP server for the backend; listens to nothing yet."""
    return HTTPServer(
        BackendApplication(backend),
        xheaders=not backend.is_solo,
        max_header_size=HEADER_BYTES,
        max_body_size=backend.configuration.backend.maximum_message_bytes,
        chunk_size=CHUNK_BYTES,
        idle_connection_timeout=IDLE_SECONDS,
    )


def _rules(backend: Backend) -> list[Any]:
    given = {"backend": backend}
    description = orjson.dumps(describe(NOUNS, version=BUILD, cookie=backend.identity.cookie))
    return [
        *routes(SOCKJS, lambda facts: ClientConnection(backend, facts), _sockjs(backend), backend.connections),
        (r"/api/openapi\.json", OpenApiPage, {"description": description}),
        *_api_rules(backend),
        ("/healthz", HealthPage, given),
        ("/metrics", MetricsPage, given),
        ("/nbextensions/(threejs-sage/.+)", ClientFile, {"path": str(SAGE_FILES)}),
        ("/static/(.+)", ClientFile, {"path": str(backend.client_folder)}),
        ("/(favicon\\.ico|favicon\\.svg)", ClientFile, {"path": str(backend.client_folder)}),
        ("/sign-in", SignInPage, given),
        ("/(?:workspaces(?:/.*)?|account|tokens|about)?", Page, given),
    ]


def _api_rules(backend: Backend) -> list[Any]:
    rules = []
    for path, operations in by_path(NOUNS).items():
        pattern = re.sub(r"\\{(\w+)\\}", lambda name: f"(?P<{name[1]}>{_PARTS.get(name[1], '[^/]+')})", re.escape(path))
        rules.append((pattern, Api, {"backend": backend, "operations": operations}))
    return rules


_PARTS = {"path": ".+"}
"""Path parameters that may have slashes."""


def _sockjs(backend: Backend) -> SockJSSettings:
    chosen = backend.configuration.backend
    cookie = backend.identity.cookie

    def identity(request: HTTPServerRequest) -> str:
        morsel = request.cookies.get(cookie)
        return morsel.value if morsel is not None else ""

    return SockJSSettings(
        heartbeat_seconds=chosen.sockjs.heartbeat_seconds,
        disconnect_seconds=chosen.sockjs.disconnect_seconds,
        response_limit_bytes=chosen.sockjs.response_limit_bytes,
        cookie_needed=not backend.is_solo,
        maximum_message_bytes=chosen.maximum_message_bytes,
        maximum_sessions=chosen.maximum_connections,
        identity=identity,
    )


def _name(host: str) -> str:
    """The Host header without its port (RFC 9110, section 7.2)."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
