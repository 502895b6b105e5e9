"""Frames to bytes and back, on sockets.

A frame is a 4-byte big-endian length, that many bytes of JSON, and, if the JSON has a field
``payload`` (a number of bytes), that many bytes more. The decoder knows no socket: it is fed bytes
and returns frames, and it never holds more than one frame of the largest size.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from sagews.errors import MessageError, TooLarge
from sagews.messages.frame import Frame, from_json, malformed, parse, to_json

LENGTH = struct.Struct(">I")
MAXIMUM_BYTES = 64 * 1024 * 1024
"""The largest header or payload that a connection of ours sends, unless it is configured smaller."""


def encode(frame: Frame, maximum_bytes: int = MAXIMUM_BYTES) -> bytes:
    """The bytes of a frame.

    :raises TooLarge: where header or payload is larger than `maximum_bytes`.
    """
    data = to_json(frame)
    if frame.payload:
        data["payload"] = len(frame.payload)
    try:
        header = json.dumps(data, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (ValueError, TypeError, RecursionError) as error:
        raise MessageError(f"A {frame.content.type} message has a value that JSON cannot hold: {error}.") from error
    if max(len(header), len(frame.payload)) > maximum_bytes:
        raise TooLarge(f"A {frame.content.type} message has more than {maximum_bytes} bytes.")
    return LENGTH.pack(len(header)) + header + frame.payload


class Decoder:
    """Bytes in, frames out. After an error it refuses everything: the stream has lost its place."""

    def __init__(self, maximum_bytes: int = MAXIMUM_BYTES) -> None:
        """:param maximum_bytes: of a header, and of a payload."""
        self.maximum_bytes = maximum_bytes
        self._buffer = bytearray()
        self._header: dict[str, Any] | None = None
        self._needed = LENGTH.size
        self._error: MessageError | None = None

    @property
    def held_bytes(self) -> int:
        """Of the frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as they arrive; return the frames that are complete with them.

        A frame whose JSON is no message of ours (unknown type, wrong field) has `Malformed` as its
        content, so that the reader can refuse it by name and go on.

        :raises MessageError: where they are no frames; TooLarge where one is announced too large.
        """
        if self._error is not None:
            raise self._error
        self._buffer += data
        frames: list[Frame] = []
        try:
            while len(self._buffer) >= self._needed:
                frame = self._next()
                if frame is not None:
                    frames.append(frame)
        except MessageError as error:
            self._error = error
            self._buffer.clear()
            raise
        return frames

    def _next(self) -> Frame | None:
        """Take one step: a length and its header, or a payload."""
        if self._header is not None:
            return self._complete(self._header, self._take(self._needed))
        length = LENGTH.unpack_from(self._buffer)[0]
        self._check(length, "header")
        if len(self._buffer) < LENGTH.size + length:
            self._needed = LENGTH.size + length
            return None
        header = parse(self._take(LENGTH.size + length)[LENGTH.size :])
        size = header.pop("payload", 0) if isinstance(header, dict) else 0
        if type(size) is not int or size < 0:
            raise MessageError("message.payload: a number of bytes is needed.")
        self._check(size, "payload")
        if size > len(self._buffer):
            self._header, self._needed = header, size
            return None
        return self._complete(header, self._take(size))

    def _complete(self, header: Any, payload: bytes) -> Frame:
        self._header, self._needed = None, LENGTH.size
        try:
            return from_json(header, payload)
        except MessageError as error:
            return malformed(header, error)

    def _check(self, size: int, what: str) -> None:
        if size > self.maximum_bytes:
            raise TooLarge(f"message: a {what} of {size} bytes is announced, {self.maximum_bytes} are allowed.")

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
