"""What all answers of a SockJS service have in common: who may ask, cookies, caching, refusals.

Invariant: a page of an origin that is neither the service's own nor allowed gets no session.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler, stream_request_body

from sagews.backend.sockjs.service import Service

_YEAR = timedelta(days=365)
_SESSION_COOKIE = "JSESSIONID"
_COOKIE_VALUE = re.compile(r"[\w.~!*-]{1,256}", re.ASCII)

_ORIGIN_OF_URL = re.compile(r"https?://[^/?#]+")


def foreign_origin(request: HTTPServerRequest) -> str | None:
    """The origin of the page that sent this; None where it is our own, or the sender is no browser."""
    headers = request.headers
    site = headers.get("Sec-Fetch-Site")
    if site in ("same-origin", "none"):
        return None
    origin = headers.get("Origin") or headers.get("Sec-WebSocket-Origin")
    if origin is None:  # a script element, as in JSON-P, names its page only here
        page = _ORIGIN_OF_URL.match(headers.get("Referer", ""))
        if page is None and site is None:
            return None
        origin = page.group() if page else "null"
    return None if origin.partition("://")[2].lower() == request.host.lower() else origin


class SockJSHandler(RequestHandler):
    """Base of every handler. Subclasses name the methods that they obey."""

    methods: ClassVar[tuple[str, ...]] = ("OPTIONS", "GET")
    public: ClassVar[bool] = False  # without a session: for every origin, without cookie
    service: Service
    refused = False

    def initialize(self, service: Service) -> None:
        """Called by Tornado with what stands in the route."""
        self.service = service

    def set_default_headers(self) -> None:
        """Those of every answer, errors too."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        """Check the origin, set the headers that follow from it."""
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.stream.set_nodelay(True)
        if self.request.method not in self.methods or self.public:
            return
        origin = foreign_origin(self.request)
        if origin is not None and not self.service.settings.allowed_origins(origin):
            self.refuse(403, "Pages of this origin may not connect here.")
            return
        self._allow_origin()
        self.forbid_caching()

    def options(self, *args: str) -> None:
        """Answer a browser's preflight (Fetch standard, "CORS-preflight request")."""
        self.set_status(204)
        self.cache_for_a_year()
        self.set_header("Access-Control-Allow-Methods", ", ".join(self.methods))
        self.set_header("Access-Control-Max-Age", str(int(_YEAR.total_seconds())))

    def refuse(self, status: int, sentence: str) -> None:
        """End the request with plain text."""
        self.refused = True
        self.set_status(status)
        self.forbid_caching()
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(sentence + "\n")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tornado's answer to exceptions and unknown methods, without HTML."""
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.methods))
            self.clear_header("Content-Type")
            self.finish()
        else:
            self.refuse(status_code, HTTPStatus(status_code).phrase + ".")

    def forbid_caching(self) -> None:
        """Session data must never come from a cache."""
        self.set_header("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0")

    def cache_for_a_year(self) -> None:
        """The answer is the same for all and for ever."""
        self.set_header("Cache-Control", f"public, max-age={int(_YEAR.total_seconds())}")
        self.set_header("Expires", datetime.now(UTC) + _YEAR)

    def set_session_cookie(self) -> None:
        """Load balancers that look at JSESSIONID keep a session on one server."""
        if self.service.settings.cookie_needed:
            value = self.get_cookie(_SESSION_COOKIE) or ""
            self.set_cookie(_SESSION_COOKIE, value if _COOKIE_VALUE.fullmatch(value) else "dummy", path="/")

    def compute_etag(self) -> str | None:
        """What is never cached needs no tag."""
        return None

    def check_xsrf_cookie(self) -> None:
        """Not used: the origin is checked, and a session's id is its secret."""

    def check_trusted_origin(self, origin: str) -> bool:
        """Not used: `prepare` checks."""
        return True

    def _allow_origin(self) -> None:
        origin = self.request.headers.get("Origin", "null")
        self.set_header("Access-Control-Allow-Origin", "*" if origin == "null" else origin)
        self.set_header("Access-Control-Allow-Credentials", "true")
        self.set_header("Vary", "Origin")
        wanted = self.request.headers.get("Access-Control-Request-Headers")
        if wanted:
            self.set_header("Access-Control-Allow-Headers", wanted)


@stream_request_body
class TransportHandler(SockJSHandler):
    """Base of the HTTP transports: sets the cookie, bounds the body while it arrives."""

    def prepare(self) -> None:
        """Refuse a body that is too large before it is read."""
        self.body = bytearray()
        super().prepare()
        if self.refused or self.request.method not in self.methods:
            return
        if self.request.method != "OPTIONS":
            self.set_session_cookie()
        limit = self.service.settings.maximum_message_bytes
        length = self.request.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > limit:
            self.refuse(413, f"Send at most {limit} bytes at once.")
        elif isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(limit)

    def data_received(self, chunk: bytes) -> None:
        """Collect the body."""
        self.body += chunk
