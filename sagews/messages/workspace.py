"""An open workspace: opening it, following its stream, editing its documents, keeping it.

The stream of a workspace is numbered (epoch, n); its frames are the Jupyter messages of its
sessions and, of this module, those marked *event*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sagews.messages.frame import Message
from sagews.messages.records import Actor, BundleRecord, CellRun, DocumentState, JournalEntry, Limits, Person, Snapshot

# --- opening, from a backend to a worker


@dataclass(frozen=True)
class OpenWorkspace(Message, type="open_workspace"):
    """Open it at the envelope's epoch. Answered by `done`, also where it is open at that epoch already."""

    limits: Limits = field(default_factory=Limits)
    documents: tuple[DocumentState, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    kept: bool = True
    """False: a scratch workspace, whose folder goes when it closes."""
    account: str = ""
    """Of its owner, whose sessions are counted together; "" = it is counted alone."""
    bundles: tuple[BundleRecord, ...] = ()
    """The versions that the database has; those that the worker wanted were sent before."""


@dataclass(frozen=True)
class CloseWorkspace(Message, type="close_workspace"):
    """Checkpoint it, end its sessions and close it. Answered by `done`."""


@dataclass(frozen=True)
class WorkspaceClosed(Message, type="workspace_closed"):
    """To everyone attached: it is not open here any more."""

    reason: str


@dataclass(frozen=True)
class RenewLease(Message, type="renew_lease"):
    """The database still has these workspaces at these epochs on this worker."""

    epochs: dict[str, int]


@dataclass(frozen=True)
class FollowJournal(Message, type="follow_journal"):
    """Send me (channel 0) every `document_update` and `checkpoint`. Answered by `journal_followed`."""


@dataclass(frozen=True)
class JournalFollowed(Message, type="journal_followed"):
    """Updates that nobody has reported as `journaled` yet; those after them follow as events."""

    unjournaled: tuple[JournalEntry, ...] = ()


@dataclass(frozen=True)
class Journaled(Message, type="journaled"):
    """Every update up to the envelope's (epoch, n) is in the journal."""


@dataclass(frozen=True)
class Checkpoint(Message, type="checkpoint"):
    """To one follower: store these states, which contain every update up to (epoch, n)."""

    documents: tuple[DocumentState, ...]
    removed: tuple[str, ...] = ()
    """Documents whose file was deleted."""
    bundle: BundleRecord | None = None
    """Versions of the files that are to be stored with them; it is fetched with `bundle_read`."""


@dataclass(frozen=True)
class Checkpointed(Message, type="checkpointed"):
    """They are stored."""


# --- following the stream


@dataclass(frozen=True)
class Attach(Message, type="attach"):
    """Follow the envelope's workspace on the envelope's channel, from after (epoch, n). Answered by `attached`."""

    actor: Actor | None = None
    """Filled in by the backend, whatever a client says."""


@dataclass(frozen=True)
class Detach(Message, type="detach"):
    """Follow it no more. Answered by `done`."""


@dataclass(frozen=True)
class Attached(Message, type="attached"):
    """The envelope has (epoch, n). `resumed`: what comes next is what follows the number you gave."""

    how: Literal["resumed", "snapshot"]
    snapshot: Snapshot | None = None
    people: tuple[Person, ...] = ()
    k: int = 0
    """The highest `k` of this client that was taken at this epoch: older ones need not be sent again."""


@dataclass(frozen=True)
class PersonCame(Message, type="person_came"):
    """Not numbered: somebody attached."""

    person: Person


@dataclass(frozen=True)
class PersonLeft(Message, type="person_left"):
    """Not numbered: somebody detached."""

    client: str


@dataclass(frozen=True)
class Presence(Message, type="presence"):
    """Not numbered: cursors and names (y-protocols awareness), relayed to everyone else."""

    document: str
    state: bytes


# --- editing; numbered by the client with k


@dataclass(frozen=True)
class Update(Message, type="update"):
    """Apply this Yjs update to the document. Answered by `acknowledged` when it is in the journal."""

    document: str
    update: bytes


@dataclass(frozen=True)
class Acknowledged(Message, type="acknowledged"):
    """The update or command numbered k (envelope) is taken; an update's (epoch, n) is in the envelope."""

    document: str = ""
    """For `open_document`: its id."""
    runs: tuple[str, ...] = ()
    """For `run_cells` and `execute`: the runs, in order."""


@dataclass(frozen=True)
class DocumentUpdate(Message, type="document_update"):
    """Event: an update was applied. `path` is the document's file; `client` in the envelope is who made it."""

    document: str
    update: bytes
    path: str = ""
    actor: str = ""


# --- events of sessions and runs that Jupyter has no word for


@dataclass(frozen=True)
class DocumentOpened(Message, type="document_opened"):
    """Event: this document is live now; its content came as a `document_update`."""

    document: str
    path: str
    cells: tuple[CellRun, ...] = ()
    """The outputs that its file had."""


@dataclass(frozen=True)
class DocumentMoved(Message, type="document_moved"):
    """Event: its file has another path; "" = it was deleted."""

    document: str
    path: str


@dataclass(frozen=True)
class Saved(Message, type="saved"):
    """Event: the file was written and contains every update up to `contains`."""

    document: str
    contains: int
    at: float


@dataclass(frozen=True)
class RunQueued(Message, type="run_queued"):
    """Event: a run waits for its turn. The envelope names run and session; its outputs start empty."""

    document: str = ""
    cell: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class RunStarted(Message, type="run_started"):
    """Event: it is running."""

    document: str = ""
    cell: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class RunEnded(Message, type="run_ended"):
    """Event: it is over, and all its output was told before."""

    status: Literal["ok", "error", "interrupted", "died"]
    document: str = ""
    cell: str = ""
    execution_count: int = 0
    at: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class OutputCut(Message, type="output_cut"):
    """Event: from here on the text of this run is kept in a file and not told; said again as it grows.

    `kept_bytes` and `kept_lines` count the run's whole text so far, `hidden_bytes` what of it neither was told nor is
    in `tail`. At the end of the run `tail` is its last part; where nothing is hidden, it follows what was told.
    """

    kept_bytes: int
    kept_lines: int
    hidden_bytes: int
    tail: str = ""
    name: Literal["stdout", "stderr"] = "stdout"


@dataclass(frozen=True)
class SessionStarted(Message, type="session_started"):
    """Event: a session lives."""

    environment: str
    document: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class SessionEnded(Message, type="session_ended"):
    """Event: it has ended, and why, for people: "memory limit 1 GiB", "killed by SIGSEGV", "restarted"."""

    reason: str
    document: str = ""
    code: Literal["shutdown", "restart", "limit", "idle", "died", "operator", "worker"] = "died"
    at: float = 0.0


@dataclass(frozen=True)
class Notice(Message, type="notice"):
    """Event: something a person should know ("interrupt had no effect, ending the session in 5 s")."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    document: str = ""
