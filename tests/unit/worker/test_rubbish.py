"""What is thrown away is gone, whatever was made of it. Real folders."""

from __future__ import annotations

import os
from pathlib import Path

from sagews.worker.rubbish import Rubbish

DEEP = 1000
"""Folders in folders whose names of 100 characters are much longer together than a path may be (4096)."""


def make_deep(top: Path) -> None:
    """As a session can: by changing into each folder that it makes."""
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(DEEP):
        os.mkdir("d" * 100, dir_fd=descriptor)
        inner = os.open("d" * 100, os.O_RDONLY | os.O_DIRECTORY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)


def test_folders_that_are_closed_or_very_deep_are_gone_and_what_links_lead_to_is_not(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("1")
    top = tmp_path / "workspaces" / "w"
    (top / "closed" / "inner").mkdir(parents=True)
    (top / "closed" / "inner" / "file").write_text("2")
    (top / "link").symlink_to(kept)
    (top / "closed" / "link").symlink_to(kept / "file")
    make_deep(top)
    (top / "closed" / "inner").chmod(0o000)
    (top / "closed").chmod(0o500)
    rubbish = Rubbish(tmp_path)
    rubbish.take(top)
    assert not top.exists()
    rubbish.empty()
    assert list((tmp_path / "rubbish").iterdir()) == []
    assert (kept / "file").read_text() == "1"


def test_what_a_killed_worker_left_is_deleted_by_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "w" / "inner").mkdir(parents=True)
    Rubbish(tmp_path).take(tmp_path / "w")
    Rubbish(tmp_path).take(tmp_path / "w")
    Rubbish(tmp_path).empty()
    Rubbish(tmp_path / "empty").empty()
    assert list((tmp_path / "rubbish").iterdir()) == []
