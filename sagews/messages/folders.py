"""Folders of workspaces on a worker's disk that are not needed any more: between backends and workers only."""

from __future__ import annotations

from dataclasses import dataclass

from sagews.messages.frame import Message
from sagews.messages.records import FolderRecord


@dataclass(frozen=True)
class ListFolders(Message, type="list_folders"):
    """From a backend to a worker; answered with `folders_listed`."""


@dataclass(frozen=True)
class FoldersListed(Message, type="folders_listed"):
    """The folders that are there, the one that was used longest ago first; at most so many as fit."""

    folders: tuple[FolderRecord, ...] = ()


@dataclass(frozen=True)
class RemoveFolder(Message, type="remove_folder"):
    """From a backend to a worker: the database has all that is in the folder of the envelope's workspace.

    Answered by `done`, also where the folder stays because the workspace is used again.
    """


@dataclass(frozen=True)
class ForgetWorkspace(Message, type="forget_workspace"):
    """From a backend to a worker: the envelope's workspace is deleted for good; close it, and remove its folder.

    Answered by `done`. Repeatable.
    """
