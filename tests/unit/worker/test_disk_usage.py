"""What files take is counted as the disk does, and nothing can be hidden from it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sagews.worker.disk_usage import DiskUsage, disk_usage

ANY = DiskUsage()


def test_files_and_folders_count(tmp_path: Path) -> None:
    (tmp_path / "inner" / "more").mkdir(parents=True)
    (tmp_path / "inner" / "more" / "file").write_bytes(b"x" * 100_000)
    used = disk_usage(tmp_path, ANY)
    assert used.files == 3
    assert 100_000 <= used.size_bytes < 200_000


def test_a_hole_takes_nothing_and_a_second_name_neither(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(10**12)
    (tmp_path / "one").write_bytes(b"x" * 100_000)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    used = disk_usage(tmp_path, ANY)
    assert used.files == 2
    assert used.size_bytes < 200_000


def test_links_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "large").write_bytes(b"x" * 10**6)
    (inside / "folder").symlink_to(outside)
    (inside / "round").symlink_to(inside)
    (inside / "large").symlink_to(outside / "large")
    assert disk_usage(inside, ANY).files == 3
    assert disk_usage(inside, ANY).size_bytes < 10**5


def test_counting_stops_where_it_is_enough(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / str(number)).touch()
    assert 10 < disk_usage(tmp_path, DiskUsage(files=10)).files < 20


def test_what_lies_too_deep_to_be_opened_is_too_much(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(30):
            os.mkdir("x" * 250, dir_fd=descriptor)
            inner = os.open("x" * 250, os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
    finally:
        os.close(descriptor)
    assert disk_usage(tmp_path, DiskUsage(files=1000)).files > 1000
    assert disk_usage(tmp_path, DiskUsage(size_bytes=10**6)).size_bytes > 10**6
    # So that pytest, which cannot open it either, need not.
    os.system(f"rm -rf '{tmp_path}'/x*")


def as_nobody(work: Callable[[], bool]) -> bool:
    """Whether this is so for an ordinary user, to whom permissions matter."""
    if os.geteuid() != 0:
        return work()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("mode", [0o000, 0o300, 0o400])
def test_nothing_is_hidden_in_a_folder_that_is_closed(mode: int) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own is closed to others
        closed = Path(folder, "closed")

        def hide() -> bool:
            closed.mkdir()
            (closed / "large").write_bytes(b"x" * 100_000)
            closed.chmod(mode)
            return disk_usage(Path(folder), ANY).size_bytes > 100_000

        Path(folder).chmod(0o777)
        assert as_nobody(hide)


def test_a_folder_of_somebody_else_is_too_much() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of somebody else")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        Path(folder, "closed").mkdir(mode=0o700)
        assert as_nobody(lambda: disk_usage(Path(folder), DiskUsage(files=10)).files > 10)


def test_what_is_no_folder_any_more_is_passed_over(tmp_path: Path) -> None:
    assert disk_usage(tmp_path / "gone", ANY) == DiskUsage()
