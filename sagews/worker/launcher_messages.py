"""What the worker server and the launcher say to each other. Standard library only.

Invariant: every message has a fixed size and holds numbers only; descriptors travel beside it (SCM_RIGHTS). The socket
is SOCK_SEQPACKET: one message, one packet.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

_ORDER = struct.Struct("!H")
_NEWS = struct.Struct("!BHqi")

ORDER_BYTES = _ORDER.size
NEWS_BYTES = _NEWS.size
ORDER_DESCRIPTORS = 2
"""Beside an order: the zygote's end of its socket, and its log."""


@dataclass(frozen=True)
class Order:
    """To the launcher: start the zygote of this environment."""

    environment: int
    """Its place among those of the configuration, from 0."""

    def pack(self) -> bytes:
        """`ORDER_BYTES` bytes."""
        return _ORDER.pack(self.environment)

    @classmethod
    def unpack(cls, data: bytes) -> Order:
        """:raises ValueError: where this is no order."""
        if len(data) != ORDER_BYTES:
            raise ValueError(f"An order of {len(data)} bytes; {ORDER_BYTES} are right.")
        return cls(*_ORDER.unpack(data))


class NewsKind(IntEnum):
    """What the launcher tells."""

    STARTED = 1
    ENDED = 2
    FAILED = 3
    """It could not be started; `status` is the errno."""


@dataclass(frozen=True)
class News:
    """From the launcher."""

    kind: NewsKind
    environment: int
    pid: int = 0
    status: int = 0

    def pack(self) -> bytes:
        """`NEWS_BYTES` bytes."""
        return _NEWS.pack(self.kind, self.environment, self.pid, self.status)

    @classmethod
    def unpack(cls, data: bytes) -> News:
        """:raises ValueError: where this is no news."""
        if len(data) != NEWS_BYTES:
            raise ValueError(f"News of {len(data)} bytes; {NEWS_BYTES} are right.")
        kind, *rest = _NEWS.unpack(data)
        return cls(NewsKind(kind), *rest)
