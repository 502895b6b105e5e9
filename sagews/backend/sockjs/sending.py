"""The transports by which a client of the HTTP transports speaks.

Source: SockJS protocol 0.3.3, sections "XhrPolling" and "JsonpPolling".
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import parse_qs

from sagews.backend.sockjs.frames import decode_messages
from sagews.backend.sockjs.handler import TransportHandler
from sagews.errors import MessageError

_FIELDS = 16


def payload_field(form: bytes) -> bytes:
    """The field ``d`` of an urlencoded form; nothing where there is none, or so many that it is no form of ours."""
    try:
        # Latin-1 maps every byte to a character and back
        fields = parse_qs(form.decode("latin-1"), encoding="latin-1", max_num_fields=_FIELDS)
    except ValueError:
        return b""
    return fields.get("d", [""])[0].encode("latin-1")


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
        form = self.request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        body = bytes(self.body)
        if await self.accept(session_id, payload_field(body) if form else body):
            self.finish("ok")
