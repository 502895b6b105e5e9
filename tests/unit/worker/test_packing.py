"""Folders as zip files."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from sagews.errors import NotFound
from sagews.worker.files import Files
from sagews.worker.packing import packed


def _packed(top: Path, path: str = "") -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(packed(Files(top), path)))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_all_files_are_in_it_and_nothing_else(tmp_path: Path) -> None:
    random = os.urandom(700_000)
    (tmp_path / "data" / "empty").mkdir(parents=True)
    (tmp_path / "data" / "large.bin").write_bytes(random)
    (tmp_path / "🧶\n.txt").write_text("1")
    (tmp_path / "-rf").write_text("2")
    (tmp_path / ".sagews-part-1").write_text("not complete")
    (tmp_path / "secret").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    os.utime(tmp_path / "-rf", (0, 0))
    assert _packed(tmp_path) == {"-rf": b"2", "🧶\n.txt": b"1", "data/empty/": b"", "data/large.bin": random}
    assert _packed(tmp_path, "data") == {"empty/": b"", "large.bin": random}


def test_a_large_file_never_is_in_memory_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(os.urandom(4_000_000))
    assert max(len(piece) for piece in packed(Files(tmp_path), "")) < 1_000_000


def test_no_folder_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        _packed(tmp_path, "none")
