"""Which folders of workers a backend has removed."""

from __future__ import annotations

import pytest

from sagews.backend.worker_folders import is_needless
from sagews.messages.records import FolderRecord


@pytest.mark.parametrize(
    ("folder", "stored", "needless"),
    [
        (FolderRecord("w", is_old=True, is_stored=True, versions=3), 3, True),
        (FolderRecord("w", is_old=True, is_stored=True, versions=0), 0, True),
        # The database is an older one, from a backup.
        (FolderRecord("w", is_old=True, is_stored=True, versions=3), 2, False),
        # Its worker was killed, or nobody stored the end: it may have more than the database, until others went on.
        (FolderRecord("w", is_old=True, is_stored=False, versions=3), 3, False),
        (FolderRecord("w", is_old=True, is_stored=False, versions=3), 4, True),
        (FolderRecord("w"), 4, False),
    ],
)
def test_a_folder_goes_when_the_database_has_all_of_it(folder: FolderRecord, stored: int, needless: bool) -> None:
    assert is_needless(folder, stored) is needless
