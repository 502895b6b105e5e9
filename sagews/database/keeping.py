"""Keeping: how one kind of database is copied to a file and back."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sagews.database.backup_file import About, Progress

EPOCHS_AHEAD = 2**20
"""How far epochs go on at a restore: beyond every epoch that was given out after the backup, so that a worker that has
a workspace open since then is fenced."""

FORGET_OPENINGS = f"UPDATE workspaces SET worker = NULL, epoch = epoch + {EPOCHS_AHEAD}"


class Keeping(Protocol):
    """Its methods take as long as the database is large."""

    def save(self, part: Path, progress: Progress) -> str:
        """Write all that is in the database into a file; returns the version of its tables.

        :raises UsageError: there is nothing in it.
        """

    def users(self) -> str:
        """Who uses it, for people; empty: nobody."""

    def is_empty(self) -> bool:
        """Whether nobody has an account in it."""

    def load(self, file: Path, about: About, progress: Progress) -> None:
        """Put what is in a checked backup in the place of what is there."""
