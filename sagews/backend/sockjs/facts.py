"""What is known about a client from the request that opened its session.

Invariant: nothing in it changes after the opening.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tornado.httputil import HTTPServerRequest


@dataclass(frozen=True)
class RequestFacts:
    """The opening request of a session.

    :param remote_ip: address of the client (of the proxy, unless the HTTP server was made with ``xheaders=True``).
    :param path: path of the request, without the query.
    :param host: what the client calls this server.
    :param protocol: ``http`` or ``https``.
    :param transport: such as ``websocket`` or ``xhr``.
    :param identity: what `SockJSSettings.identity` said.
    :param headers: by name, in any case; read-only.
    :param cookies: by name; read-only.
    """

    remote_ip: str
    path: str
    host: str
    protocol: str
    transport: str
    identity: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]

    @classmethod
    def of(cls, request: HTTPServerRequest, *, transport: str, identity: str) -> RequestFacts:
        """Freeze the facts of a request."""
        return cls(
            remote_ip=request.remote_ip or "",
            path=request.path,
            host=request.host,
            protocol=request.protocol,
            transport=transport,
            identity=identity,
            headers=MappingProxyType(request.headers.copy()),
            cookies=MappingProxyType({name: morsel.value for name, morsel in request.cookies.items()}),
        )
