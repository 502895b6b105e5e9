"""A workspace that has too much is told so; deleting makes room; what goes on writing is ended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sagews.errors import OverLimit
from sagews.messages.records import Limits
from sagews.worker.disk_watch import DiskWatch
from tests.waiting import eventually

MIB = 2**20


class Watch(DiskWatch):
    """Of a folder with a limit; what it told is in `told`."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        super().__init__(folder, limits, pause_seconds=0.01)
        self.told: list[str] = []
        self.on_near = self.on_full = self.on_overrun = self.told.append

    async def look(self) -> list[str]:
        """What is told when it counts now."""
        self.told.clear()
        self.changed()
        await self._count_now()
        return self.told


async def test_near_full_overrun_and_room_again(tmp_path: Path) -> None:
    watch = Watch(tmp_path, Limits(disk_bytes=MIB))
    (tmp_path / "a").write_bytes(bytes([1]) * (MIB * 95 // 100))
    assert re.match(r"The workspace has 9\d\d KiB of 1 MiB\.", (await watch.look())[0])
    assert await watch.look() == []
    (tmp_path / "b").write_bytes(bytes([1]) * (MIB // 2))
    assert "have more than 1 MiB" in (await watch.look())[0]
    with pytest.raises(OverLimit, match="Delete files"):
        watch.check()
    assert await watch.look() == []
    (tmp_path / "c").write_bytes(bytes([1]) * MIB)
    assert await watch.look() == ["disk limit 1 MiB"]
    for name in "abc":
        (tmp_path / name).unlink()
    assert await watch.look() == []
    watch.check()
    await watch.close()


async def test_too_many_files(tmp_path: Path) -> None:
    watch = Watch(tmp_path, Limits(disk_files=10))
    for number in range(11):
        (tmp_path / str(number)).touch()
    assert "more than 10 files" in (await watch.look())[0]
    for number in range(11, 14):
        (tmp_path / str(number)).touch()
    assert await watch.look() == ["disk limit 10 files"]
    await watch.close()


async def test_files_that_came_and_are_on_their_way_count_together(tmp_path: Path) -> None:
    watch = Watch(tmp_path, Limits(disk_bytes=MIB))
    async with watch.room_for("one", MIB * 2 // 3):
        with pytest.raises(OverLimit, match=r"no room for 'two' .512 KiB.: .* 1 MiB"):
            async with watch.room_for("two", MIB // 2):
                pass
        async with watch.room_for("three", MIB // 4):
            pass
    (tmp_path / "one").write_bytes(bytes([1]) * (MIB * 2 // 3))
    # What came is on the disk by now, and is not counted twice.
    async with watch.room_for("four", MIB // 4):
        pass
    await watch.close()


async def test_files_are_counted_as_they_come(tmp_path: Path) -> None:
    watch = Watch(tmp_path, Limits(disk_files=3))
    for name in ("one", "two", "three"):
        async with watch.room_for(name, 0):
            (tmp_path / name).touch()
    with pytest.raises(OverLimit, match="'four' is one file too many"):
        async with watch.room_for("four", 0):
            pass
    (tmp_path / "one").unlink()
    await watch.freed()
    async with watch.room_for("four", 0):
        pass
    await watch.close()


async def test_it_counts_by_itself_after_a_change_and_then_rests(tmp_path: Path) -> None:
    watch = Watch(tmp_path, Limits(disk_bytes=MIB))
    (tmp_path / "a").write_bytes(bytes([1]) * 2 * MIB)
    watch.changed()
    await eventually(lambda: watch.told)
    assert watch._timer is None
    assert watch._counting is None
    await watch.close()


async def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    watch = Watch(tmp_path, Limits())
    (tmp_path / "a").touch()
    assert await watch.look() == []
    assert watch.used.files == 0
    await watch.close()
