"""What the worker server, a zygote and the inits of its sessions say to each other.

Invariant: every record has a fixed size and holds numbers only (no path, no byte of a user), so that a
zygote, which may run as root, has nothing to parse. Descriptors travel beside a record (SCM_RIGHTS).
Each socket here is SOCK_SEQPACKET: one record, one packet.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from sagews.messages.records import Limits
from sagews.worker.session_user import SessionUser

NONCE_BYTES = 8
"""Of a session's output markers: random, so that no text looks like a marker by accident."""

_REQUEST = struct.Struct(f"!BQ{NONCE_BYTES}s5Q2Q")
_REPORT = struct.Struct("!BQqqdQ?")
_STATUS = struct.Struct("!idQ")

REQUEST_BYTES = _REQUEST.size
REPORT_BYTES = _REPORT.size
STATUS_BYTES = _STATUS.size

INTERRUPT = b"I"
"""To an init: send SIGINT to what the user runs."""
QUIT = b"Q"
"""To an init: send SIGQUIT to what the user runs."""
FINISH = b"F"
"""To an init: end everything of this session. Closing the socket says the same."""

FORK_DESCRIPTORS = 5
"""Beside a fork request: message socket, control socket, pipe of stdout, pipe of stderr, folder."""
CONTROL_DESCRIPTOR = 1
"""Which of them is for init; the others are for the user's process, in this order."""
GROUP_DESCRIPTORS = 4
"""At most as many follow between zygote and init: of control groups, to be joined."""


class RequestKind(IntEnum):
    """What the server asks a zygote for."""

    FORK = 1
    RESET = 2
    """End and wipe whatever there is of `user` outside of sessions; `session` is a number for the answer."""


class ReportKind(IntEnum):
    """What a zygote tells the server."""

    READY = 1
    """It is warm; `pid` is its own, `status` the set of `Protection`s that its sessions have."""
    PREPARED = 2
    """The init of a spare session has this `pid`; a pidfd of it comes along."""
    FORKED = 3
    """The session that was asked for is the one whose init has this `pid`."""
    ENDED = 4
    """Init is reaped; `status` is its wait status. Session 0: nobody had asked for it."""
    FAILED = 5
    """The session could not be forked; `status` is the errno."""
    RESET = 6
    """The user that was asked for is clean (`status` 0), or it is not."""


@dataclass(frozen=True)
class Request:
    """To a zygote."""

    kind: RequestKind
    session: int
    """Number of the session in this worker's life, from 1."""
    nonce: bytes = bytes(NONCE_BYTES)
    limits: Limits = field(default_factory=Limits)
    user: SessionUser | None = None
    """Whom its sessions are; None = they stay who the zygote is."""

    def pack(self) -> bytes:
        """`REQUEST_BYTES` bytes."""
        kept = self.limits
        numbers = (kept.memory_bytes, kept.cpu_seconds, kept.processes, kept.open_files, kept.file_bytes)
        user = (self.user.uid, self.user.gid) if self.user else (0, 0)
        return _REQUEST.pack(self.kind, self.session, self.nonce, *numbers, *user)

    @classmethod
    def unpack(cls, data: bytes) -> Request:
        """:raises ValueError: where this is no request."""
        if len(data) != REQUEST_BYTES:
            raise ValueError(f"A request of {len(data)} bytes; {REQUEST_BYTES} are right.")
        kind, session, nonce, memory, cpu, processes, files, size, uid, gid = _REQUEST.unpack(data)
        limits = Limits(memory_bytes=memory, cpu_seconds=cpu, processes=processes, open_files=files, file_bytes=size)
        return cls(RequestKind(kind), session, nonce, limits, SessionUser(uid, gid) if uid else None)


@dataclass(frozen=True)
class Report:
    """From a zygote."""

    kind: ReportKind
    session: int = 0
    pid: int = 0
    status: int = 0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    out_of_memory: bool = False
    """The kernel has ended one of its processes for the session's memory limit."""

    def pack(self) -> bytes:
        """`REPORT_BYTES` bytes."""
        numbers = (self.kind, self.session, self.pid, self.status, self.cpu_seconds, self.peak_bytes)
        return _REPORT.pack(*numbers, self.out_of_memory)

    @classmethod
    def unpack(cls, data: bytes) -> Report:
        """:raises ValueError: where this is no report."""
        if len(data) != REPORT_BYTES:
            raise ValueError(f"A report of {len(data)} bytes; {REPORT_BYTES} are right.")
        kind, *rest = _REPORT.unpack(data)
        return cls(ReportKind(kind), *rest)


@dataclass(frozen=True)
class UserStatus:
    """From an init: how the user's process ended."""

    status: int
    """As `waitpid` gives it."""
    cpu_seconds: float
    """User and system time of the process and its reaped children."""
    peak_bytes: int
    """Its largest resident memory."""

    def pack(self) -> bytes:
        """`STATUS_BYTES` bytes."""
        return _STATUS.pack(self.status, self.cpu_seconds, self.peak_bytes)

    @classmethod
    def unpack(cls, data: bytes) -> UserStatus:
        """:raises ValueError: where this is no status."""
        if len(data) != STATUS_BYTES:
            raise ValueError(f"A status of {len(data)} bytes; {STATUS_BYTES} are right.")
        return cls(*_STATUS.unpack(data))
