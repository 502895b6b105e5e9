"""The Tornado application of a backend: which address is answered by what.

Invariant: a request that the entrance does not admit is refused, whatever it asks for.
"""

from __future__ import annotations

import logging
import re
import ssl
from typing import Any

import orjson
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.web import Application, RequestHandler

import sagews
from sagews.backend import (
    accounts,
    administration,
    deleted_workspaces,
    exports,
    files,
    health,
    history,
    log_reading,
    open_workspaces,
    own_account,
    people,
    publications,
    sessions,
    sharing,
    sign_in,
    signing_up,
    site_state,
    uploads,
    workspaces,
)
from sagews.backend.answers import Answering
from sagews.backend.api import Api
from sagews.backend.client_connection import ClientConnection
from sagews.backend.collaborators import Backend
from sagews.backend.declaration import by_path
from sagews.backend.health import HealthPage
from sagews.backend.metrics import MetricsPage
from sagews.backend.openapi import describe
from sagews.backend.pages import ClientFile, Nothing, Page, Refusing, SignInPage
from sagews.backend.published_pages import PublishedAsset, PublishedFolder, PublishedPage
from sagews.backend.sockjs import SockJSSettings, routes
from sagews.component.browser_files import SAGE_FILES
from sagews.errors import NotAllowed

log = logging.getLogger(__name__)

NOUNS = (
    sign_in.signing_in,
    signing_up.signing_up,
    accounts.accounts,
    own_account.own_account,
    sign_in.tokens,
    workspaces.workspaces,
    sharing.sharing,
    files.files,
    publications.publications,
    uploads.uploads,
    exports.exports,
    history.history,
    sessions.sessions,
    health.status,
    site_state.site_state,
    administration.administration,
    people.people,
    open_workspaces.open_workspaces,
    deleted_workspaces.deleted_workspaces,
    log_reading.log_reading,
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
            _rules(backend),
            default_handler_class=Nothing,
            log_function=self._count,
            websocket_ping_interval=20,
            backend=backend,
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """The handler for a request, or one that refuses it."""
        try:
            self._backend.entrance.admit(request)
        except NotAllowed as error:
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


class BoundedServer(HTTPServer):
    """An HTTP server that closes what comes when it has enough, so that it never runs out of descriptors."""

    maximum_connections = 1000

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Serve a connection; live ones do not count here any more once they are open."""
        if len(self._connections) >= self.maximum_connections:
            log.warning("Connection turned away", extra={"action": "connection_turned_away", "peer": str(address[0])})
            stream.close()
            return
        super().handle_stream(stream, address)


def make_server(backend: Backend, tls: ssl.SSLContext | None = None) -> BoundedServer:
    """An HTTP server for the backend; listens to nothing yet.

    :param tls: for HTTPS; requires certificates of the other side, for the entrance.
    """
    server = BoundedServer(
        BackendApplication(backend),
        ssl_options=tls,
        max_header_size=HEADER_BYTES,
        max_body_size=backend.configuration.backend.maximum_message_bytes,
        chunk_size=CHUNK_BYTES,
        idle_connection_timeout=IDLE_SECONDS,
    )
    server.maximum_connections = backend.configuration.backend.maximum_connections
    return server


def _rules(backend: Backend) -> list[Any]:
    given = {"backend": backend}
    description = orjson.dumps(describe(NOUNS, version=sagews.__version__, cookie=backend.identity.cookie))
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
        ("/published/assets/(threejs-sage/.+)", PublishedAsset, {"path": str(SAGE_FILES)}),
        ("/published/assets/(.+)", PublishedAsset, {"path": str(backend.client_folder / "published")}),
        ("/published/((?:[0-9a-f]+/(?:versions/[0-9]+/)?)?(?:[0-9a-z-]+\\.[a-z]+)?)", PublishedPage, given),
        ("/published(|/[0-9a-f]+(?:/versions/[0-9]+)?)", PublishedFolder),
        (
            "/(?:workspaces(?:/.*)?|share/.+|publish/.+|copy/.+|join|sign-up|reset|account|tokens|about|administration)?",
            Page,
            given,
        ),
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
        allowed_origins=backend.entrance.is_own_origin,
    )
