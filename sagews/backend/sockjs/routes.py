"""The addresses of a SockJS service.

Source: SockJS protocol 0.3.3, "Base URL" and "Session URLs".
"""

from __future__ import annotations

import re
from typing import Any

from tornado.web import RequestHandler

from sagews.backend.sockjs.pages import Greeting, Iframe, Info
from sagews.backend.sockjs.receivers import EventSource, HtmlFile, JsonpPoll, XhrPoll, XhrStream
from sagews.backend.sockjs.sending import JsonpSend, XhrSend
from sagews.backend.sockjs.service import OpenConnection, Service
from sagews.backend.sockjs.sessions import Sessions
from sagews.backend.sockjs.settings import SockJSSettings
from sagews.backend.sockjs.websocket import FramedWebSocket, WebSocketTransport

_PAGES: dict[str, type[RequestHandler]] = {
    "/?": Greeting,
    r"/iframe[^/]*\.html": Iframe,
    "/info": Info,
    "/websocket": WebSocketTransport,
}
_TRANSPORTS: dict[str, type[RequestHandler]] = {
    "websocket": FramedWebSocket,
    "xhr": XhrPoll,
    "xhr_send": XhrSend,
    "xhr_streaming": XhrStream,
    "eventsource": EventSource,
    "htmlfile": HtmlFile,
    "jsonp": JsonpPoll,
    "jsonp_send": JsonpSend,
}


def routes(
    prefix: str, open_connection: OpenConnection, settings: SockJSSettings, sessions: Sessions | None = None
) -> list[Any]:
    """The rules (pattern, handler, arguments) of one service, for a `tornado.web.Application`.

    ::

        sessions = Sessions()
        application = Application(routes("/live", Echo, SockJSSettings(), sessions))
        ...
        await sessions.close_all()

    :param prefix: where it is, without a slash at the end, such as ``/live``.
    :param open_connection: makes the `Connection` of a new session; a `SagewsError` out of it refuses the client,
        who hears its sentence and the code 4000 + its HTTP status (such as 4401).
    :param settings: what is chosen.
    :param sessions: the table of open sessions, kept by who has to end them.
    """
    service = Service(prefix, open_connection, settings, Sessions() if sessions is None else sessions)
    base = re.escape(prefix)
    # The first part is for load balancers only, the second names the session; neither has dots.
    session = base + r"/[^/.]+/([^/.]{1,256})/"
    given = {"service": service}
    return [(base + path, handler, given) for path, handler in _PAGES.items()] + [
        (session + name, handler, given) for name, handler in _TRANSPORTS.items()
    ]
