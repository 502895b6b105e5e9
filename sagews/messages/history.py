"""Versions of a workspace, over the bulk connection: bundles of them in and out, looking at them, going back.

Before a workspace is opened, a backend offers the bundles that the database has, and sends those that the worker
wants; `open_workspace` names them again.
"""

from __future__ import annotations

from dataclasses import dataclass

from sagews.messages.frame import Message
from sagews.messages.records import Actor, BundleRecord, FileChange, VersionRecord


@dataclass(frozen=True)
class BundlesOffered(Message, type="bundles_offered"):
    """The database has these of the workspace. Answered by `bundles_wanted`."""

    bundles: tuple[BundleRecord, ...]


@dataclass(frozen=True)
class BundlesWanted(Message, type="bundles_wanted"):
    """Send me those with these heads."""

    heads: tuple[str, ...]


@dataclass(frozen=True)
class BundleWrite(Message, type="bundle_write"):
    """I send a bundle, as `file_piece` frames. Answered by `done`."""

    bundle: BundleRecord


@dataclass(frozen=True)
class BundleRead(Message, type="bundle_read"):
    """Send me the bundle of a checkpoint. Answered as `file_read`."""

    head: str = ""
    """"" = a new one of all versions, of what is there now too."""


@dataclass(frozen=True)
class Acting(Message, type="acting"):
    """What follows on this connection is done by this account. Not answered."""

    actor: Actor


@dataclass(frozen=True)
class HistoryList(Message, type="history_list"):
    """Which versions are there? The newest first. Answered by `history_listed`."""

    skip: int = 0
    maximum: int = 50
    path: str = ""
    """Only those in which this file, or something in this folder, was changed; "" = all."""


@dataclass(frozen=True)
class HistoryListed(Message, type="history_listed"):
    """These."""

    versions: tuple[VersionRecord, ...]
    more: bool = False
    """Whether there are older ones."""


@dataclass(frozen=True)
class VersionFiles(Message, type="version_files"):
    """Which files does a version have? Answered by `file_entries`."""

    version: str


@dataclass(frozen=True)
class VersionRead(Message, type="version_read"):
    """Send me a file of a version. Answered as `file_read`."""

    version: str
    path: str


@dataclass(frozen=True)
class VersionChanges(Message, type="version_changes"):
    """How does a version differ from another one? Answered by `version_changed`."""

    version: str
    since: str = ""
    """"" = the one before it."""


@dataclass(frozen=True)
class VersionChanged(Message, type="version_changed"):
    """So."""

    since: str
    """"" = there was none before."""
    changes: tuple[FileChange, ...]


@dataclass(frozen=True)
class GoBack(Message, type="go_back"):
    """Make the files what they were in a version, as a new version. Answered by `went_back`."""

    version: str


@dataclass(frozen=True)
class WentBack(Message, type="went_back"):
    """Done."""

    version: str
    """The new one; "" = nothing was different."""
