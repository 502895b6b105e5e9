"""Values that messages about workspaces carry; they are no messages by themselves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from sagews.messages.fields import JSON


@dataclass(frozen=True)
class Limits:
    """What one session may use; 0 = no limit of ours. Set by the account's type and the configuration."""

    memory_bytes: int = 0
    cpu_seconds: int = 0
    wall_seconds: int = 0
    idle_seconds: int = 0
    processes: int = 0
    open_files: int = 0
    file_bytes: int = 0
    output_bytes: int = 0
    """Of text that one run may write; what is kept is everything up to here."""
    sessions: int = 0
    """Of one workspace at once."""

    def tighter(self, other: Limits) -> Limits:
        """What keeps within both."""
        pairs = ((field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Limits(**{name: min(one, two) if one and two else one or two for name, one, two in pairs})


@dataclass(frozen=True)
class Actor:
    """Who does it, as the backend found out."""

    account: str
    name: str = ""
    role: Literal["owner", "collaborator", "reader"] = "reader"


@dataclass(frozen=True)
class Person:
    """Somebody who is attached."""

    client: str
    account: str
    name: str = ""
    role: Literal["owner", "collaborator", "reader"] = "reader"


@dataclass(frozen=True)
class DocumentState:
    """A document and its whole Yjs state (one update that makes it from nothing)."""

    document: str
    path: str
    state: bytes
    digest: str = ""
    """SHA-256 (hex) of the file that was last written from it; "" = never."""


@dataclass(frozen=True)
class JournalEntry:
    """An update as the journal keeps it."""

    epoch: int
    n: int
    document: str
    path: str
    update: bytes
    actor: str = ""


@dataclass(frozen=True)
class SessionState:
    """A session, in a snapshot."""

    session: str
    environment: str
    state: Literal["waiting", "starting", "idle", "busy"]
    document: str = ""
    since: float = 0.0
    """Unix time in seconds."""


@dataclass(frozen=True)
class QueuedRun:
    """A run that is waiting or running, in the order of the queue."""

    run: str
    document: str = ""
    cell: str = ""
    running: bool = False
    since: float = 0.0


@dataclass(frozen=True)
class CellRun:
    """The last run of a cell and its outputs (notebook format 4.5)."""

    document: str
    cell: str
    run: str
    status: Literal["queued", "running", "ok", "error", "interrupted", "died"]
    execution_count: int = 0
    outputs: tuple[dict[str, JSON], ...] = ()
    started: float = 0.0
    ended: float = 0.0
    cut: bool = False
    """The outputs lack a middle part; `output_read` has it all."""


@dataclass(frozen=True)
class PendingInput:
    """A program that waits for a line from a person."""

    session: str
    run: str
    prompt: str = ""
    password: bool = False


@dataclass(frozen=True)
class Snapshot:
    """Everything that the stream has told up to n."""

    documents: tuple[DocumentState, ...] = ()
    sessions: tuple[SessionState, ...] = ()
    queue: tuple[QueuedRun, ...] = ()
    cells: tuple[CellRun, ...] = ()
    inputs: tuple[PendingInput, ...] = ()
