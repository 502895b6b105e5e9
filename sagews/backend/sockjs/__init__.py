"""The SockJS protocol, version 0.3.3, on Tornado: a bidirectional connection for every browser.

`routes` gives the rules to put into a `tornado.web.Application`; a subclass of
`Connection` is what the application makes of each client; `Sessions` ends them all.
"""

from __future__ import annotations

from sagews.backend.sockjs.connection import Connection
from sagews.backend.sockjs.facts import RequestFacts
from sagews.backend.sockjs.routes import routes
from sagews.backend.sockjs.sessions import Sessions
from sagews.backend.sockjs.settings import SockJSSettings

__all__ = ["Connection", "RequestFacts", "Sessions", "SockJSSettings", "routes"]
