"""Frames of the SockJS protocol: bytes to and from strings, no sockets.

Invariant: a frame is valid UTF-8 on one line, whatever strings it carries.
Source of the rules: SockJS protocol 0.3.3, "Protocol and framing" and "JSON Unicode Encoding".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from sagews.errors import MessageError

OPEN = b"o"
HEARTBEAT = b"h"

# What browsers or proxies mangle, and surrogates, which have no UTF-8. JSON escapes U+0000-U+001F by itself.
_MANGLED = re.compile("[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff\ud800-\udfff]")


def quote(text: str) -> bytes:
    """The JSON string of a text, as UTF-8, with every character escaped that might not arrive.

    :param text: any Python string, lone surrogates included.
    """
    quoted = json.dumps(text, ensure_ascii=False)
    if not quoted.isascii():
        quoted = _MANGLED.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)
    return quoted.encode()


def messages_frame(quoted: Iterable[bytes]) -> bytes:
    """The frame that carries messages, each quoted already."""
    return b"a[" + b",".join(quoted) + b"]"


def close_frame(code: int, reason: str) -> bytes:
    """The frame that says why the session is over."""
    return b"c[%d,%s]" % (code, quote(reason))


def script_string(frame: bytes) -> bytes:
    """A frame as a string of JavaScript that may stand in an HTML page (nothing in it ends the script element)."""
    return quote(frame.decode()).replace(b"<", rb"\u003c")


def decode_messages(payload: bytes | str) -> list[str]:
    """The messages that a client sent: a JSON array of strings, or one JSON string.

    :raises MessageError: there is nothing, or it is no such JSON; the text is that of the protocol.
    """
    if not payload:
        raise MessageError("Payload expected.")
    try:
        messages = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MessageError("Broken JSON encoding.") from error
    if isinstance(messages, str):
        return [messages]
    if not isinstance(messages, list) or not all(isinstance(message, str) for message in messages):
        raise MessageError("Broken JSON encoding.")
    return messages
