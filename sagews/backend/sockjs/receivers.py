"""Each transport by which a client hears: how it dresses a frame.

Source: SockJS protocol 0.3.3, sections "XhrPolling" to "JsonpPolling".
"""

from __future__ import annotations

from typing import ClassVar

from sagews.backend.sockjs.frames import script_string
from sagews.backend.sockjs.receiving import Poll, Stream

_HTMLFILE_HEAD = """<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.%s;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"""


class XhrPoll(Poll):
    """``/xhr``: a frame a line."""

    methods: ClassVar[tuple[str, ...]] = ("OPTIONS", "POST")
    transport = "xhr"

    async def post(self, session_id: str) -> None:
        """Wait for a frame."""
        await self.receive(session_id)

    def wrap(self, frame: bytes) -> bytes:
        """See `Receiver.wrap`."""
        return frame + b"\n"


class JsonpPoll(Poll):
    """``/jsonp``: a script that calls a function of the page."""

    transport = "jsonp"

    async def get(self, session_id: str) -> None:
        """Wait for a frame."""
        name = self.callback()
        if name is not None:
            self._name = name.encode()
            await self.receive(session_id)

    def wrap(self, frame: bytes) -> bytes:
        """See `Receiver.wrap`."""
        return self._name + b"(" + script_string(frame) + b");\r\n"


class XhrStream(Stream):
    """``/xhr_streaming``: a frame a line."""

    methods: ClassVar[tuple[str, ...]] = ("OPTIONS", "POST")
    transport = "xhr_streaming"

    async def post(self, session_id: str) -> None:
        """Stream frames."""
        await self.receive(session_id)

    def prelude(self) -> bytes:
        """Enough that browsers begin to hand on what arrives."""
        return b"h" * 2048 + b"\n"

    def wrap(self, frame: bytes) -> bytes:
        """See `Receiver.wrap`."""
        return frame + b"\n"


class EventSource(Stream):
    """``/eventsource``: server-sent events (HTML standard, section 9.2)."""

    transport = "eventsource"
    content_type = "text/event-stream; charset=UTF-8"

    async def get(self, session_id: str) -> None:
        """Stream frames."""
        await self.receive(session_id)

    def prelude(self) -> bytes:
        """A new line, which Opera needs."""
        return b"\r\n"

    def wrap(self, frame: bytes) -> bytes:
        """See `Receiver.wrap`."""
        # sockjs-client gives what it hears here, and only here, to decodeURI
        return b"data: " + frame.replace(b"%", b"%25") + b"\r\n\r\n"


class HtmlFile(Stream):
    """``/htmlfile``: an endless page in an iframe whose scripts call a function of its parent."""

    transport = "htmlfile"
    content_type = "text/html; charset=UTF-8"

    async def get(self, session_id: str) -> None:
        """Stream frames."""
        name = self.callback()
        if name is not None:
            self._name = name
            await self.receive(session_id)

    def prelude(self) -> bytes:
        """Head of the page, filled up so that browsers begin to run what arrives."""
        return (_HTMLFILE_HEAD % self._name).ljust(1024).encode() + b"\r\n\r\n"

    def wrap(self, frame: bytes) -> bytes:
        """See `Receiver.wrap`."""
        return b"<script>\np(" + script_string(frame) + b");\n</script>\r\n"
