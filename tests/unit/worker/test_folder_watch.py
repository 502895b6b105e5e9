"""What changes in folders is told, by the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sagews.errors import NotFound
from sagews.worker.files import Files
from sagews.worker.folder_watch import FolderWatch, WatchedFolders
from tests.waiting import eventually


@pytest.fixture
async def watch() -> AsyncIterator[FolderWatch]:
    watch = FolderWatch(pause_seconds=0.01)
    yield watch
    watch.close()


class Told:
    """What was told, and one workspace's watched folders."""

    def __init__(self, watch: FolderWatch, top: Path, maximum: int = 10) -> None:
        top.mkdir(exist_ok=True)
        self.paths: list[str] = []
        self.top = top
        self.folders = WatchedFolders(watch, Files(top), self.paths.append, maximum)

    async def hears(self, path: str) -> None:
        await eventually(lambda: path in self.paths)
        self.paths.clear()


async def test_what_is_made_changed_renamed_and_deleted_is_told(watch: FolderWatch, tmp_path: Path) -> None:
    told = Told(watch, tmp_path)
    (tmp_path / "data").mkdir()
    told.folders.watch("")
    told.folders.watch("data")
    (tmp_path / "a").write_text("1")
    await told.hears("")
    (tmp_path / "data" / "b\n").write_text("1")
    await told.hears("data")
    with (tmp_path / "data" / "b\n").open("a") as file:
        file.write("2")
    await told.hears("data")
    (tmp_path / "a").rename(tmp_path / "c")
    await told.hears("")
    (tmp_path / "c").unlink()
    await told.hears("")


async def test_what_is_not_complete_is_not_told(watch: FolderWatch, tmp_path: Path) -> None:
    told = Told(watch, tmp_path)
    told.folders.watch("")
    with Files(tmp_path).new("a") as file:
        file.write(b"x")
        await asyncio.sleep(0)
        assert told.paths == []
        file.finish()
    await told.hears("")


async def test_each_workspace_hears_of_its_own_folders_only(watch: FolderWatch, tmp_path: Path) -> None:
    one, two = Told(watch, tmp_path / "1"), Told(watch, tmp_path / "2")
    one.folders.watch("")
    two.folders.watch("")
    (two.top / "a").write_text("")
    await two.hears("")
    assert one.paths == []


async def test_a_folder_that_goes_is_told_once_and_may_come_again(watch: FolderWatch, tmp_path: Path) -> None:
    told = Told(watch, tmp_path)
    (tmp_path / "data").mkdir()
    told.folders.watch("data")
    (tmp_path / "data").rmdir()
    await told.hears("data")
    with pytest.raises(NotFound):
        told.folders.watch("data")
    (tmp_path / "data").mkdir()
    told.folders.watch("data")
    (tmp_path / "data" / "a").write_text("")
    await told.hears("data")


async def test_only_so_many_are_watched_the_last_ones(watch: FolderWatch, tmp_path: Path) -> None:
    told = Told(watch, tmp_path, maximum=2)
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        told.folders.watch(name)
    for name in ("a", "c"):
        (tmp_path / name / "f").write_text("")
    await eventually(lambda: "c" in told.paths)
    assert "a" not in told.paths


async def test_when_nobody_looks_nothing_is_told(watch: FolderWatch, tmp_path: Path) -> None:
    one, two = Told(watch, tmp_path / "1"), Told(watch, tmp_path / "2")
    one.folders.watch("")
    two.folders.watch("")
    one.folders.stop()
    one.folders.stop()
    (one.top / "a").write_text("")
    (two.top / "a").write_text("")
    await two.hears("")
    assert one.paths == []


async def test_no_link_is_followed(watch: FolderWatch, tmp_path: Path) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    outside.mkdir()
    told = Told(watch, top)
    (top / "link").symlink_to(outside)
    with pytest.raises(Exception, match="in the way"):
        told.folders.watch("link")
