"""Promises: files are laid out as they are, compressed where that helps, and old builds stay for open pages."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sagews.errors import SetupError
from sagews.staticserver.layout import KEPT_SECONDS, lay_out

HASHED = "app/main-ABCDEFGH.js"
TEXT = "text " * 1000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "app").mkdir(parents=True)
    (folder / HASHED).write_text(TEXT)
    (folder / "index.html").write_text("small")
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_each_file_is_there_and_compressed_where_that_helps(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    lay_out(source, target)
    assert files(target) == {HASHED, f"{HASHED}.gz", "index.html"}
    assert gzip.decompress((target / f"{HASHED}.gz").read_bytes()).decode() == TEXT
    assert (target / HASHED).stat().st_mtime_ns == (source / HASHED).stat().st_mtime_ns
    assert (target / HASHED).stat().st_mode & 0o777 == 0o644


def test_a_second_time_nothing_is_written(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    lay_out(source, target)
    before = {name: (target / name).stat().st_ino for name in files(target)}
    lay_out(source, target)
    assert {name: (target / name).stat().st_ino for name in files(target)} == before


def test_a_new_build_replaces_the_old_one_whose_hashed_files_stay(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    lay_out(source, target)
    (source / HASHED).unlink()
    (source / "index.html").unlink()
    (source / "new.html").write_text("new")
    lay_out(source, target)
    assert files(target) == {HASHED, f"{HASHED}.gz", "new.html"}


def test_what_cannot_be_written_is_told(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("a file where a folder should be")
    with pytest.raises(SetupError, match="laid out"):
        lay_out(source, target)


def test_old_files_are_kept_for_a_month(monkeypatch: pytest.MonkeyPatch, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    lay_out(source, target)
    (source / HASHED).unlink()
    now = (target / HASHED).stat().st_ctime
    monkeypatch.setattr("time.time", lambda: now + KEPT_SECONDS + 1)
    lay_out(source, target)
    assert files(target) == {"index.html"}
