"""Listing folders, also large ones and those with hostile names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagews.errors import Conflict, NotFound
from sagews.messages.files import FileList
from sagews.worker.files import Files
from sagews.worker.listing import listed


def _names(top: Path, maximum: int = 1000, **asked: object) -> list[str]:
    answer = listed(Files(top), FileList(**asked), maximum)  # type: ignore[arg-type]
    return [entry.path for entry in answer.entries]


def test_folders_come_first_then_names_without_case(tmp_path: Path) -> None:
    for name in ("b.txt", "A.txt", "c.txt", ".sagews-part-1"):
        (tmp_path / name).write_text("")
    (tmp_path / "z").mkdir()
    assert _names(tmp_path) == ["z", "A.txt", "b.txt", "c.txt"]


def test_a_large_folder_is_listed_in_parts(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(2000):
        os.close(os.open(tmp_path / "many" / f"{number:04}.txt", os.O_CREAT, 0o644))
    first = listed(Files(tmp_path), FileList("many", limit=300), 5000)
    assert (len(first.entries), first.total) == (300, 2000)
    assert first.entries[0].path == "many/0000.txt"
    last = listed(Files(tmp_path), FileList("many", start=1999), 5000)
    assert [entry.path for entry in last.entries] == ["many/1999.txt"]
    assert listed(Files(tmp_path), FileList("many", limit=10**6), 500).entries[-1].path == "many/0499.txt"
    found = listed(Files(tmp_path), FileList("many", matching="123"), 5000)
    assert found.total == len(found.entries) == 12
    assert found.entries[0].path == "many/0123.txt"


def test_what_is_searched_for_is_found_in_upper_and_lower_case(tmp_path: Path) -> None:
    for name in ("Plot.PNG", "data.csv"):
        (tmp_path / name).write_text("")
    assert _names(tmp_path, matching="pLOT") == ["Plot.PNG"]


def test_links_and_names_that_are_no_text_are_listed_as_something_else(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")).write_text("x")
    entries = listed(Files(tmp_path), FileList(), 10).entries
    assert [(entry.path, entry.kind) for entry in entries] == [("link", "other"), ("\ufffd\ufffd", "other")]


@pytest.mark.parametrize("name", ["a\nb", "-rf", "\x1b[31m", ".git", "x" * 255])
def test_what_a_program_has_named_is_listed_read_renamed_and_deleted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("kept")
    files = Files(tmp_path)
    assert _names(tmp_path) == [name]
    assert files.read(name, 100) == b"kept"
    files.rename(name, "good")
    files.rename("good", name)
    files.delete(name)
    assert _names(tmp_path) == []


def test_no_folder_is_no_listing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("/etc")
    for path, error in (("none", NotFound), ("file", Conflict), ("link", Conflict)):
        with pytest.raises(error):
            _names(tmp_path, path=path)
