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
    """Of one account at once, on all workers together."""
    disk_bytes: int = 0
    """Of all files of one workspace."""
    disk_files: int = 0
    """Files and folders of one workspace."""

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
class OpenRecord:
    """A workspace that is open on a worker."""

    workspace: str
    epoch: int
    people: int = 0
    """Who is attached, each connection once."""
    since: float = 0.0
    """Unix time in seconds."""
    sessions: tuple[SessionState, ...] = ()
    disk_bytes: int = 0
    """Of its files, as they were counted last; 0 = not yet."""
    disk_files: int = 0
    """Files and folders, likewise."""


@dataclass(frozen=True)
class FolderRecord:
    """The folder of a workspace on a worker's disk, open or not."""

    workspace: str
    is_old: bool = False
    """It was not used for so long that it may go, and has nothing that versions do not keep. Else no more is told.

    (Also where there was no time to find out: it will be in another list.)
    """
    is_stored: bool = False
    """Its versions have all that is in it, and a backend has acknowledged the newest one."""
    versions: int = 0
    """How many versions of the workspace it has."""


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
    """The outputs lack something; `output_read` has all text."""
    hidden_bytes: int = 0
    """Of text that the outputs lack; 0 = none, or not known."""
    kept_bytes: int = 0
    """Of the whole text so far that `output_read` has; 0 = not known."""
    kept_lines: int = 0
    """The same in lines."""


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


@dataclass(frozen=True)
class BundleRecord:
    """A git bundle of a workspace's versions: those after `basis`, up to `head`."""

    basis: str
    """Commit that whoever takes it must have; "" = none."""
    head: str
    count: int
    """How many versions there are up to `head`, from the first on."""
    size: int
    """Bytes."""
    sha256: str
    """Of the bundle (hex)."""


@dataclass(frozen=True)
class VersionRecord:
    """A version of a workspace."""

    version: str
    author: str = ""
    """Name of who made it."""
    account: str = ""
    at: int = 0
    """Unix time in seconds."""
    message: str = ""


@dataclass(frozen=True)
class FileChange:
    """How a file of one version differs from that of another."""

    path: str
    change: Literal["added", "changed", "deleted"]
