"""Which folders may go: those that are old, and have nothing that is in no version. Real folders, real git."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sagews.messages.records import FolderRecord
from sagews.worker.kept_files import KeptLimits
from sagews.worker.kept_folders import Closing, KeptFolders, begin_use
from sagews.worker.settings import WorkerSettings
from sagews.worker.versions import Versions
from tests.waiting import eventually

DAY = 24 * 3600.0
SETTINGS = WorkerSettings(folder_seconds=DAY, version_file_bytes=1000)
LIMITS = KeptLimits(file_bytes=1000, bytes=4 << 20, files=1000)


class Folder:
    """Of a workspace with one version."""

    def __init__(self, data: Path, name: str = "w") -> None:
        self.top = data / "workspaces" / name
        self.files = self.top / "files"
        self.files.mkdir(parents=True)
        self.versions = Versions(self.top, self.files, LIMITS)
        (self.files / "a").write_text("1")

    async def close(self, *, is_stored: bool = True) -> None:
        """As a workspace does at its end."""
        await self.versions.commit()
        Closing.of(self.versions, is_stored=is_stored).write(self.top)

    def age(self, seconds: float = 2 * DAY) -> None:
        """It was used so long ago."""
        moment = time.time() - seconds
        os.utime(self.top, (moment, moment))


async def test_an_old_folder_says_whether_all_of_it_is_stored(tmp_path: Path) -> None:
    stored, other, young = Folder(tmp_path, "stored"), Folder(tmp_path, "other"), Folder(tmp_path, "young")
    await stored.close()
    await other.close(is_stored=False)
    await young.close()
    stored.age(3 * DAY)
    other.age()
    expected = (
        FolderRecord("stored", is_old=True, is_stored=True, versions=1),
        FolderRecord("other", is_old=True, is_stored=False, versions=1),
        FolderRecord("young"),
    )
    # A file that was written a tenth of a second ago may still change without being seen to.
    await eventually(lambda: KeptFolders(tmp_path, SETTINGS).found() == expected)
    few = WorkerSettings(folder_seconds=DAY, folders_listed=1)
    assert [one.workspace for one in KeptFolders(tmp_path, few).found()] == ["stored"]


async def test_none_is_old_where_folders_are_kept_for_ever(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    await folder.close()
    folder.age()
    assert KeptFolders(tmp_path, WorkerSettings()).found() == (FolderRecord("w"),)


async def test_what_no_version_has_keeps_its_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (folder.files / "large").write_bytes(b"x" * 1001)
    await folder.close()
    folder.age()
    assert KeptFolders(tmp_path, SETTINGS).found() == (FolderRecord("w"),)


async def test_what_a_tighter_limit_left_out_keeps_its_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (folder.files / "large").write_bytes(b"x" * 1001)
    await folder.close()
    folder.age()
    wider = WorkerSettings(folder_seconds=DAY)
    assert KeptFolders(tmp_path, wider).found() == (FolderRecord("w"),)


async def test_a_file_that_came_after_the_last_version_is_seen(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    await folder.close()
    (folder.files / "late").write_text("2")
    os.utime(folder.files / "late", (1, 1))
    folder.age()
    assert KeptFolders(tmp_path, SETTINGS).found() == (FolderRecord("w", is_old=True, is_stored=False, versions=1),)


async def test_of_a_worker_that_was_killed_nothing_counts_as_stored(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    await folder.close()
    begin_use(folder.top)
    (folder.files / "a").write_text("2")
    await folder.versions.commit()
    assert not KeptFolders(tmp_path, SETTINGS).is_old("w")
    folder.age()
    assert KeptFolders(tmp_path, SETTINGS).found() == (FolderRecord("w", is_old=True, is_stored=False, versions=2),)


def test_a_closing_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    Closing(has_all=True, is_stored=True, versions=1, looked_at_ns=2).write(tmp_path)
    assert Closing.read(tmp_path) == Closing(has_all=True, is_stored=True, versions=1, looked_at_ns=2)
    for text in ("", "[]", '{"has_all": true}'):
        (tmp_path / "closing.json").write_text(text)
        assert Closing.read(tmp_path) is None
