"""Uploads that come in parts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagews.errors import Conflict, MessageError, NotFound, OverLimit
from sagews.messages.files import UploadBegin, UploadState
from sagews.worker.files import Files
from sagews.worker.uploads import Uploads


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def uploads(top: Path) -> Uploads:
    return Uploads(top.parent / "uploads", Files(top), 3, 1000.0)


def _send(uploads: Uploads, upload: str, offset: int, data: bytes) -> UploadState:
    with uploads.part(upload, offset, len(data)) as part:
        part.write(data)
    return uploads.finish(upload)


def test_a_file_takes_its_place_with_its_last_part(uploads: Uploads, top: Path) -> None:
    begun = uploads.begin(UploadBegin("a/b.bin", 6))
    assert not _send(uploads, begun.upload, 0, b"abc").finished
    assert list(top.iterdir()) == []
    again = Uploads(top.parent / "uploads", Files(top), 3, 1000.0)  # as after the worker's death
    assert again.state(begun.upload) == UploadState(begun.upload, "a/b.bin", 6, 3)
    assert _send(again, begun.upload, 3, b"def").finished
    assert (top / "a" / "b.bin").read_bytes() == b"abcdef"
    with pytest.raises(NotFound):
        again.state(begun.upload)
    assert list((top.parent / "uploads").iterdir()) == []


def test_what_a_killed_worker_left_is_in_no_uploads_way(uploads: Uploads) -> None:
    gone, there = uploads.begin(UploadBegin("a", 6)), uploads.begin(UploadBegin("b", 4))
    (uploads.folder / gone.upload).unlink()  # as between a file's taking its place and the end of `finish`
    assert uploads.expected_bytes == 4
    uploads.begin(UploadBegin("c", 2))
    assert uploads.expected_bytes == 6
    assert uploads.state(there.upload).size == 4


def test_an_empty_file(uploads: Uploads, top: Path) -> None:
    begun = uploads.begin(UploadBegin("empty", 0))
    assert _send(uploads, begun.upload, 0, b"").finished
    assert (top / "empty").read_bytes() == b""


def test_two_uploads_of_one_name_do_not_mix(uploads: Uploads, top: Path) -> None:
    one, two = uploads.begin(UploadBegin("f", 4)), uploads.begin(UploadBegin("f", 4))
    _send(uploads, one.upload, 0, b"11")
    _send(uploads, two.upload, 0, b"22")
    _send(uploads, one.upload, 2, b"11")
    assert (top / "f").read_bytes() == b"1111"
    _send(uploads, two.upload, 2, b"22")
    assert (top / "f").read_bytes() == b"2222"


def test_what_is_there_stays_where_that_is_wanted(uploads: Uploads, top: Path) -> None:
    late = uploads.begin(UploadBegin("f", 1, keep=True))
    (top / "f").write_text("there")
    with pytest.raises(Conflict):
        uploads.begin(UploadBegin("f", 1, keep=True))
    with pytest.raises(Conflict):
        _send(uploads, late.upload, 0, b"x")
    assert (top / "f").read_text() == "there"


def test_a_part_belongs_at_the_end_of_what_is_here(uploads: Uploads) -> None:
    begun = uploads.begin(UploadBegin("f", 4))
    _send(uploads, begun.upload, 0, b"ab")
    for offset in (0, 3):
        with pytest.raises(Conflict, match="2 bytes are here"):
            _send(uploads, begun.upload, offset, b"x")
    with pytest.raises(MessageError):
        _send(uploads, begun.upload, 2, b"too long")
    with uploads.part(begun.upload, 2, 1), pytest.raises(Conflict, match="Another connection"):
        _send(uploads, begun.upload, 2, b"x")


@pytest.mark.parametrize("upload", ["", "../files", "0" * 32, "..", "a/b"])
def test_an_upload_that_is_none(uploads: Uploads, upload: str) -> None:
    for call in (uploads.state, uploads.finish, uploads.cancel):
        with pytest.raises(NotFound):
            call(upload)


def test_so_many_are_not_finished_at_once_and_old_ones_go(uploads: Uploads, top: Path) -> None:
    first, _, _ = (uploads.begin(UploadBegin(f"{number}", 1)) for number in range(3))
    with pytest.raises(OverLimit):
        uploads.begin(UploadBegin("f", 1))
    os.utime(top.parent / "uploads" / first.upload, (0, 0))
    second = uploads.begin(UploadBegin("f", 1))
    with pytest.raises(NotFound):
        uploads.state(first.upload)
    uploads.cancel(second.upload)
    uploads.begin(UploadBegin("f", 1))


def test_a_folder_is_not_replaced(uploads: Uploads, top: Path) -> None:
    (top / "folder").mkdir()
    with pytest.raises(Conflict):
        uploads.begin(UploadBegin("folder", 1))
