"""The transports by which a client of the HTTP transports speaks.

Source: SockJS protocol 0.3.3, sections "XhrPolling" and "JsonpPolling".
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import parse_qs

from sagews.backend.sockjs.frames import decode_messages
from sagews.backend.sockjs.handler import TransportHandler
from sagews.errors import MessageError


class Sender(TransportHandler):
    """What both share."""

    methods: ClassVar[tuple[str, ...]] = ("OPTIONS", "POST")

    async def accept(self, session_id: str, payload: bytes) -> bool:
        """Give the messages to the session; False after refusing the request."""
        session = self.service.find(self.request, session_id)
        if session is None:
            self.refuse(404, "There is no such session.")
            return False
        try:
            messages = decode_messages(payload)
        except MessageError as error:
            self.refuse(500, error.what)
            return False
        await session.deliver(messages)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        return True


class XhrSend(Sender):
    """``/xhr_send``: the body is the JSON."""

    async def post(self, session_id: str) -> None:
        """Answers 204."""
        if await self.accept(session_id, bytes(self.body)):
            self.set_status(204)
            self.flush()  # keeps the content type, for want of which Firefox complains


class JsonpSend(Sender):
    """``/jsonp_send``: the JSON stands in the field ``d`` of a form, or is the body."""

    async def post(self, session_id: str) -> None:
        """Answers ``ok``."""
        payload = bytes(self.body)
        if self.request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            payload = parse_qs(payload, max_num_fields=16).get(b"d", [b""])[0]
        if await self.accept(session_id, payload):
            self.finish("ok")
