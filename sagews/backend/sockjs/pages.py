"""What a SockJS service serves without a session: greeting, iframe page, info.

Source: SockJS protocol 0.3.3, "Static URLs"; the bodies are prescribed there.
"""

from __future__ import annotations

import json
import secrets
from typing import ClassVar

from tornado.escape import xhtml_escape
from tornado.web import RequestHandler

from sagews.backend.sockjs.handler import SockJSHandler

_IFRAME_PAGE = """<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script>
    document.domain = document.domain;
    _sockjs_onload = function(){SockJS.bootstrap_iframe();};
  </script>
  <script src="%s"></script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"""


class Greeting(SockJSHandler):
    """Says that the service is there."""

    methods: ClassVar[tuple[str, ...]] = ("GET",)
    public = True

    def get(self) -> None:
        """The greeting."""
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish("Welcome to SockJS!\n")


class Iframe(SockJSHandler):
    """A page of our origin through which pages of other origins talk to us, where the browser needs that."""

    methods: ClassVar[tuple[str, ...]] = ("GET",)
    public = True

    def get(self) -> None:
        """The page; 304 where the browser has it."""
        settings = self.service.settings
        self.cache_for_a_year()
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Content-Security-Policy", f"frame-ancestors {settings.frame_ancestors}")
        self.finish(_IFRAME_PAGE % xhtml_escape(settings.sockjs_url))

    def compute_etag(self) -> str | None:
        """Of the body, as Tornado computes it."""
        return RequestHandler.compute_etag(self)


class Info(SockJSHandler):
    """What the client asks before it connects."""

    def get(self) -> None:
        """Whether WebSockets and cookies are used, and a random number for browsers that have no good one."""
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        info = {
            "websocket": self.service.settings.websockets,
            "cookie_needed": self.service.settings.cookie_needed,
            "origins": ["*:*"],  # prescribed; browsers ignore it
            "entropy": secrets.randbits(32),
        }
        self.finish(json.dumps(info))
