"""What can be chosen about a SockJS service.

Invariant: every bound is positive, so no buffer, body or number of sessions is unlimited.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tornado.httputil import HTTPServerRequest

from sagews.errors import ConfigurationError


def only_own_origin(origin: str) -> bool:
    """Trust no page but those that the service's own address serves."""
    return False


def nobody_in_particular(request: HTTPServerRequest) -> str:
    """Bind sessions to their random id only."""
    return ""


@dataclass(frozen=True)
class SockJSSettings:
    """The choices of one SockJS service; the defaults are those of the protocol.

    :param sockjs_url: where the iframe page finds sockjs-client; absolute path or http(s) URL.
    :param heartbeat_seconds: a receiver that hears nothing else gets a heartbeat this often.
    :param disconnect_seconds: a session without a receiver ends after this time.
    :param response_limit_bytes: a streaming response ends after this many bytes of frames: browsers keep all of it.
    :param websockets: whether both WebSocket transports are offered.
    :param cookie_needed: whether a load balancer needs the JSESSIONID cookie to be set.
    :param maximum_message_bytes: bound of one request's body or one WebSocket message, as it comes on the wire.
    :param maximum_buffer_bytes: bound of what waits for one client, and of what one client sent and is not handled yet;
        a single larger message is let through alone.
    :param maximum_sessions: bound of open sessions in the table that the service uses.
    :param allowed_origins: whether a page of this origin (RFC 6454, such as ``https://example.org``, or ``null``) may
        use the service; not asked about the service's own origin.
    :param identity: who sends this request (such as the value of a sign-in cookie); requests to an HTTP session of
        somebody else are answered as if there were no such session.
    :param frame_ancestors: who may embed the iframe page, as in Content-Security-Policy.
    """

    sockjs_url: str = "/static/sockjs.min.js"
    heartbeat_seconds: float = 25.0
    disconnect_seconds: float = 5.0
    response_limit_bytes: int = 128 * 1024
    websockets: bool = True
    cookie_needed: bool = False
    maximum_message_bytes: int = 8 * 1024 * 1024
    maximum_buffer_bytes: int = 1024 * 1024
    maximum_sessions: int = 10_000
    allowed_origins: Callable[[str], bool] = only_own_origin
    identity: Callable[[HTTPServerRequest], str] = nobody_in_particular
    frame_ancestors: str = "'self'"

    def __post_init__(self) -> None:
        """:raises ConfigurationError: a bound is not positive, or sockjs_url cannot stand in the iframe page."""
        for name in (
            "heartbeat_seconds",
            "disconnect_seconds",
            "response_limit_bytes",
            "maximum_message_bytes",
            "maximum_buffer_bytes",
            "maximum_sessions",
        ):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"SockJS: {name} is {getattr(self, name)}, and must be more than 0.")
        if not self.sockjs_url.startswith(("/", "http://", "https://")):
            raise ConfigurationError(f"SockJS: sockjs_url {self.sockjs_url!r} is no absolute path or http(s) URL.")
