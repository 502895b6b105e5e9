"""What clients tell an open workspace to do.

Commands and `update` share one numbering per client (envelope: client, k) and one FIFO. Each is obeyed
at most once and answered by `acknowledged` or `refused`; one from an older epoch is refused. The Jupyter
messages `interrupt_request`, `shutdown_request`, `input_reply` and `comm_*` are commands too; the
envelope's `session` says to whom. Questions (`complete_request` ...) are not numbered: they carry a
`request` and are answered on the asker's channel only.
"""

from __future__ import annotations

from dataclasses import dataclass

from sagews.messages.frame import Message


@dataclass(frozen=True)
class OpenDocument(Message, type="open_document"):
    """Make the file at `path` (in the workspace, POSIX, relative) live. `acknowledged` has its id."""

    path: str
    create: bool = False
    """Make it, where there is none."""
    environment: str = ""
    """For a new worksheet: what its cells run in; "" = the site's first."""

    @property
    def only_reads(self) -> bool:
        """What is there becomes live, and nothing changes."""
        return not self.create


@dataclass(frozen=True)
class RunCells(Message, type="run_cells"):
    """Queue these cells (all = every code cell, in order) with the source that they have now."""

    document: str
    cells: tuple[str, ...] = ()
    all: bool = False
    needs: bytes = b""
    """Yjs state vector that the document must contain first."""


@dataclass(frozen=True)
class CancelRuns(Message, type="cancel_runs"):
    """Take these runs (none = all) out of the queue; a running one is not touched."""

    document: str = ""
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClearOutputs(Message, type="clear_outputs"):
    """Forget the outputs of these cells (none = all). Told to everyone as an event of the same type."""

    document: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class Save(Message, type="save"):
    """Write the document's file and checkpoint it now."""

    document: str


@dataclass(frozen=True)
class OpenSession(Message, type="open_session"):
    """Start a session under the envelope's name, if it does not live yet."""

    environment: str = ""
    document: str = ""


@dataclass(frozen=True)
class Execute(Message, type="execute"):
    """Queue code in the envelope's session, outside of any document. `acknowledged` has the run."""

    code: str
    silent: bool = False
    store_history: bool = True
    allow_stdin: bool = False
