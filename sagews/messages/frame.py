"""Frame: one message with its envelope, and its JSON form.

The JSON form is the same in every place (browser, backend, worker, session)::

    {"type": "stream", "workspace": "w1", "session": "s1", "epoch": 3, "n": 17, "run": "r5",
     "content": {"name": "stdout", "text": "hello"}}

Envelope fields that have their default are left out.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from sagews.errors import MessageError
from sagews.messages.fields import read_record, write_record

TYPES: dict[str, type[Message]] = {}
"""Every message type by its name on the wire."""


@dataclass(frozen=True)
class Message:
    """The content of a frame. A subclass names its type on the wire and declares its fields."""

    type: ClassVar[str] = ""

    @property
    def only_reads(self) -> bool:
        """Whether who may only read a workspace may say it to it."""
        return False

    def __init_subclass__(cls, type: str) -> None:  # noqa: A002 - it is what the wire calls it
        cls.type = type
        if type:
            TYPES[type] = cls


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Where a message belongs: the part of a frame that is the same for every type."""

    workspace: str = ""
    session: str = ""
    epoch: int = 0
    """Which opening of the workspace (design, section 4); 0 = not said."""
    n: int = 0
    """Number in the workspace's stream, from 1; 0 = not part of it. From a session: its last output marker."""
    run: str = ""
    """The execution that this belongs to."""
    client: str = ""
    """Who numbers its updates and commands with `k` (one browser tab, one script)."""
    k: int = 0
    """The client's number of an update or command, from 1, growing; 0 = not numbered."""
    request: int = 0
    """Chosen by who asks and repeated in the answer; 0 = no answer wanted."""
    channel: int = 0
    """Which of a backend's clients, on its connection to a worker; 0 = the backend itself."""


@dataclass(frozen=True, kw_only=True)
class Frame(Envelope):
    """A message, its envelope, and on sockets an optional binary payload (pieces of files)."""

    content: Message
    payload: bytes = b""

    def reply(self, content: Message, **changes: Any) -> Frame:
        """A frame that answers this one: same envelope, other content."""
        return dataclasses.replace(self, content=content, payload=b"", **changes)


@dataclass(frozen=True)
class Malformed(Message, type=""):
    """What the decoder makes of JSON that is no message of ours. Never sent."""

    error: MessageError


_ENVELOPE = tuple(field for field in dataclasses.fields(Envelope))


def to_json(frame: Frame) -> dict[str, Any]:
    """The JSON object of a frame (without its payload)."""
    data: dict[str, Any] = {"type": frame.content.type}
    for field in _ENVELOPE:
        value = getattr(frame, field.name)
        if value != field.default:
            data[field.name] = value
    content = write_record(frame.content)
    if content:
        data["content"] = content
    return data


def from_json(data: Any, payload: bytes = b"") -> Frame:
    """The frame for a JSON object.

    :raises MessageError: naming the field that is wrong, or the unknown type.
    """
    if not isinstance(data, dict):
        raise MessageError("message: an object is needed.")
    name = data.get("type")
    if not isinstance(name, str):
        raise MessageError("message.type: a string is needed.")
    kind = TYPES.get(name)
    if kind is None:
        raise MessageError(f"message.type: {name[:60]!r} is not known here.")
    envelope = read_record(Envelope, data, "message")
    content = read_record(kind, data.get("content", {}), "content")
    if min(envelope.epoch, envelope.n, envelope.k, envelope.request, envelope.channel) < 0:
        raise MessageError("message: epoch, n, k, request and channel cannot be negative.")
    return Frame(content=content, payload=payload, **vars(envelope))


def malformed(data: Any, error: MessageError) -> Frame:
    """A frame that says what was wrong with `data`, with as much of its envelope as can be read."""
    keep: dict[str, Any] = {}
    for field in _ENVELOPE:
        value = data.get(field.name) if isinstance(data, dict) else None
        if type(value) is type(field.default):
            keep[field.name] = value
    return Frame(content=Malformed(error), **keep)


def parse(text: str | bytes) -> Any:
    """JSON text to a value; strict (RFC 8259): no NaN or Infinity, valid UTF-8, limited depth.

    :raises MessageError: where it is no such text.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"message: this is not JSON: {str(error)[:100]}.") from error


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not allowed")


def dump(frame: Frame) -> str:
    """The JSON text of a frame, on one line, ASCII only (so lone surrogates pass unharmed)."""
    return json.dumps(to_json(frame), separators=(",", ":"), allow_nan=False)


def load(text: str | bytes) -> Frame:
    """The frame for a JSON text.

    :raises MessageError: where it is none.
    """
    return from_json(parse(text))
