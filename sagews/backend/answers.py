"""What every answer has: headers that keep browsers safe, and one form for errors.

Invariant: an error is always ``{"error": {"code", "what", "what_to_do"}}``, whoever found it.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import orjson
from tornado.web import HTTPError, RequestHandler

from sagews.component.headers import HEADERS
from sagews.errors import MessageError, NotAllowed, NotFound, SagewsError, TooLarge, UsageError

log = logging.getLogger(__name__)

API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Content-Security-Policy (CSP Level 3) of answers that are no pages: whatever is in them has no power."""


class Answering(RequestHandler):
    """A request handler whose errors and headers are ours."""

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", API_POLICY)
        self.set_header("Cache-Control", "no-store")

    def write_json(self, data: Any, status: int = 200) -> None:
        """Answer with a JSON value."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.write(orjson.dumps(data))

    def write_refusal(self, error: SagewsError, status: int | None = None) -> None:
        """Answer with an error."""
        self.write_json(error_json(error), status or error.status)
        if error.status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", 'Bearer realm="sagews"')
        if error.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            self.set_header("Retry-After", "2")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, SagewsError) and value.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return
        if isinstance(value, HTTPError):
            return
        if isinstance(value, SagewsError) and value.status == HTTPStatus.SERVICE_UNAVAILABLE:
            log.warning(
                "Request refused", extra={"action": "request_refused", "path": self.request.path, "code": value.code}
            )
            return
        log.error(
            "Request failed",
            exc_info=(typ, value, tb),
            extra={"action": "request_failed", "path": self.request.path, "method": self.request.method},
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, SagewsError):
            self.write_refusal(error)
        else:
            self.write_refusal(error_of_status(status_code), status_code)
        self.finish()


def error_json(error: SagewsError) -> dict[str, Any]:
    """The JSON form of an error."""
    return {"error": {"code": error.code, "what": error.what, "what_to_do": error.what_to_do}}


def error_of_status(status: int) -> SagewsError:
    """An error of ours for what the HTTP server found."""
    known: dict[int, SagewsError] = {
        400: UsageError("The request cannot be understood.", mend="Correct it; /api/openapi.json has what is allowed."),
        403: NotAllowed(),
        404: NotFound("There is nothing at this address.", mend="/api/openapi.json lists what there is."),
        405: UsageError("This method does nothing at this address.", mend="The Allow header lists what does."),
        411: UsageError("The length of the file must be told beforehand.", mend="Send a Content-Length header."),
        413: TooLarge(),
        415: MessageError("The body has another content type than this address takes.", mend="Send application/json."),
    }
    return known.get(status) or (UsageError() if status < HTTPStatus.INTERNAL_SERVER_ERROR else SagewsError())
