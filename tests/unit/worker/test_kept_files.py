"""Which files of a workspace are kept, and that laying out a version touches nothing else."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest

from sagews.worker.file_tree import FileTree, fitting
from sagews.worker.kept_files import KeptLimits, Look, is_git_name, leads_out, told
from sagews.workspace.contents import StoredFile

LIMITS = KeptLimits(file_bytes=1000, bytes=2000, files=10)
NAMES = ["-rf", "new\nline", 'quo"te', "x" * 255, "🌷", "CON", "a:b|c?.txt", " ", "..."]


def found(top: Path) -> list[str]:
    """Paths of what is kept."""
    return [file.path for file in Look.at(top).found]


def left_out(top: Path) -> dict[str, str]:
    """What is not, and why."""
    return {one.path: one.why for one in Look.at(top).left_out}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_a_file_can_have_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    assert found(tmp_path) == [name]


@pytest.mark.parametrize(
    "name", [".git", ".GIT", "git~1", "GIT~1", ".git ", ".git.", ".git::$INDEX_ALLOCATION", ".g\u200cit", "a\\.git"]
)
def test_what_some_system_takes_for_git_is_named_and_left_out(tmp_path: Path, name: str) -> None:
    assert is_git_name(name)
    (tmp_path / name).mkdir()
    (tmp_path / name / "config").write_text("[core]\nfsmonitor = evil")
    (tmp_path / "a").write_text("")
    assert found(tmp_path) == ["a"]
    assert list(left_out(tmp_path)) == [name]


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", "a.git", ".gitmodules"])
def test_other_names_are_no_names_of_git(name: str) -> None:
    assert not is_git_name(name)


def test_what_is_no_file_is_named_and_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / os.fsdecode(b"\xff"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "in").symlink_to("folder/a")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").symlink_to("../in")
    assert found(tmp_path) == ["folder/a", "in"]
    assert set(left_out(tmp_path)) == {"pipe", "socket", "out", "\udcff"}
    assert "“pipe” is no file" in told(Look.at(tmp_path).left_out)
    told(Look.at(tmp_path).left_out).encode()


@pytest.mark.parametrize(
    ("path", "target", "leads"),
    [
        ("a", "b", False), ("a", "b/c", False), ("a/b", "../c", False), ("a/b/c", "../../d", False), ("a", ".", False),
        ("a", "..", True), ("a", "/etc", True), ("a/b", "../../c", True), ("a", "b/../c", True),
        ("a", "x/x/../..", True),
        ("a", ".git/config", True), ("a", "", True),
    ],
)  # fmt: skip
def test_where_links_lead(path: str, target: str, leads: bool) -> None:
    assert leads_out(path, target) is leads


def test_caches_are_not_kept(tmp_path: Path) -> None:
    for path in (".cache/x", "a/__pycache__/x", ".sage/x", "a/.cache/x", ".profile"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    assert found(tmp_path) == [".profile", "a/.cache/x"]
    assert left_out(tmp_path) == {}


def test_what_is_over_a_limit_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    for name, size in (("huge", 1001), ("old", 900), ("b", 800), ("c", 700)):
        (tmp_path / name).write_bytes(bytes(size))
    look = Look.at(tmp_path)
    look.keep_within(LIMITS, {"old"})
    assert [file.path for file in look.found] == ["c", "old"]
    text = told(look.left_out)
    assert "“huge” is larger than 1000 bytes" in text
    assert "“b” does not fit into the 2000 bytes of a workspace" in text
    look = Look.at(tmp_path)
    look.keep_within(KeptLimits(10**6, 10**6, 3), ())
    assert [file.path for file in look.found] == ["b", "c", "old"]


def test_deep_folders_end_somewhere(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(80):
        folder = folder / "d"
        folder.mkdir()
    (folder / "a").write_text("")
    (tmp_path / "b").write_text("")
    assert found(tmp_path) == ["b"]
    assert len(left_out(tmp_path)) == 1


def stored(path: str, mode: str = "100644", size: int = 1) -> StoredFile:
    """A file of a version."""
    return StoredFile(path, mode, "0" * 40, size)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", ".git/config", "a/../../x", "a//b", "", ".", "x" * 256, "a/.GIT/x", "\udcff"]
)
def test_a_path_of_a_version_that_leads_elsewhere_is_left_out(path: str) -> None:
    good, bad = fitting((stored(path), stored("b")), 100)
    assert ([file.path for file in good], [one.path for one in bad]) == (["b"], [path])


def test_submodules_and_what_is_too_large_are_left_out() -> None:
    files = (
        stored("module", "160000"),
        stored("large", size=50),
        stored("small", size=40),
        stored("l", "120000", 5000),
    )
    good, bad = fitting(files, 60)
    assert [file.path for file in good] == ["small"]
    assert {one.path for one in bad} == {"module", "large", "l"}


def test_nothing_is_written_through_links(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "top"
    outside.mkdir()
    top.mkdir()
    (outside / "a").write_text("safe")
    (top / "folder").symlink_to(outside)
    (top / "a").symlink_to(outside / "a")
    (top / "full").mkdir()
    (top / "full" / "x").write_text("")
    tree = FileTree(top)
    for path in ("folder/a", "a", "full"):
        tree.put(stored(path, "100755"), io.BytesIO(b"new"))
    assert (outside / "a").read_text() == "safe"
    assert [(top / path).read_bytes() for path in ("folder/a", "a", "full")] == [b"new"] * 3
    assert os.access(top / "a", os.X_OK)
    tree.put(stored("link", "120000"), io.BytesIO(b"a"))
    assert (top / "link").readlink() == Path("a")
    with pytest.raises(OSError, match="symbolic link"):
        tree.open("link")


def test_what_is_deleted_takes_empty_folders_with_it(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("")
    (tmp_path / "a" / "d").write_text("")
    tree = FileTree(tmp_path)
    tree.delete("a/b/c")
    tree.delete("a/b/c")
    tree.delete("not/there")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["d"]
    tree.delete("a/d")
    assert not list(tmp_path.iterdir())
