"""Versions in a real git repository, and bundles of them."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sagews.errors import Damaged, NotFound
from sagews.workspace.contents import StoredFile
from sagews.workspace.git import Git
from sagews.workspace.import_stream import Author, ImportStream
from sagews.workspace.repository import Repository

ADA = Author("Ada", "a1")
NAMES = ["a.ipynb", "-rf", "new\nline", 'quo"te\\', "x" * 255, "🌷/é.txt", "CON", "a:b|c?.txt", " lead", "folder/in/it"]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One that is not made yet."""
    return Repository(Git(tmp_path / "git"))


def put(files: dict[str, bytes]) -> Callable[[ImportStream], None]:
    """These files and no others."""

    def write(stream: ImportStream) -> None:
        stream.delete_all()
        for path, content in files.items():
            assert stream.put(path, "100644", len(content), io.BytesIO(content))

    return write


def content(repository: Repository, version: str) -> dict[str, bytes]:
    """All files of a version."""
    with repository.contents(repository.files(version)) as contents:
        return {file.path: one.read(1 << 20) for file, one in contents}


def test_every_name_and_content_comes_back(repository: Repository) -> None:
    files = {name: os.urandom(number * 1000) for number, name in enumerate(NAMES)}
    version = repository.commit(ADA, "First", put(files))
    assert content(repository, version) == files
    [told] = repository.versions(0, 10)
    assert (told.id, told.author, told.message) == (version, ADA, "First")


def test_no_version_is_made_for_nothing(repository: Repository) -> None:
    assert repository.commit(ADA, "", put({})) == ""
    first = repository.commit(ADA, "", put({"a": b"1"}))
    assert repository.commit(ADA, "", put({"a": b"1"})) == ""
    assert (repository.head(), repository.count()) == (first, 1)


def test_a_version_says_what_was_changed(repository: Repository) -> None:
    first = repository.commit(ADA, "", put({"a": b"1", "b": b"1"}))
    second = repository.commit(ADA, "", put({"a": b"2", "c\nd": b"1"}))
    assert [version.message for version in repository.versions(0, 10)] == [
        "Add c d; Change a; Delete b",
        "Add a, b",
    ]
    assert repository.changes(first, second) == (("a", "changed"), ("b", "deleted"), ("c\nd", "added"))
    assert repository.before(second) == first
    assert repository.before(first) == ""
    assert repository.changes("", first) == (("a", "added"), ("b", "added"))


def test_a_file_takes_the_place_of_a_folder_and_back(repository: Repository) -> None:
    repository.commit(ADA, "", put({"a/b": b"1"}))
    second = repository.commit(ADA, "", put({"a": b"2"}))
    assert content(repository, second) == {"a": b"2"}
    third = repository.commit(ADA, "", put({"a/b/c": b"3"}))
    assert content(repository, third) == {"a/b/c": b"3"}


def test_a_file_that_shrinks_while_it_is_read_does_no_harm(repository: Repository) -> None:
    def write(stream: ImportStream) -> None:
        assert not stream.put("a", "100644", 10, io.BytesIO(b"123"))
        assert stream.put("b", "100644", 1, io.BytesIO(b"1"))

    assert content(repository, repository.commit(ADA, "", write)) == {"a": b"123" + bytes(7), "b": b"1"}


@pytest.mark.parametrize("version", ["", "HEAD", "--help", "0" * 40, "main"])
def test_what_is_no_version_is_not_found(repository: Repository, version: str) -> None:
    repository.commit(ADA, "", put({"a": b"1"}))
    with pytest.raises(NotFound):
        repository.files(version)


def test_an_author_cannot_pretend(repository: Repository) -> None:
    author = Author("E\nve <ada>\0", "e1> 1 +0000\ncommitter Ada <a1")
    repository.commit(author, "m\0m\nauthor Ada <a1> 1 +0000", put({"a": b"1"}))
    [told] = repository.versions(0, 10)
    assert told.author == Author("Eve ada", "e1 1 +0000committer Ada a1")
    assert told.message == "mm\nauthor Ada <a1> 1 +0000"


def test_bundles_make_the_same_repository(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit(ADA, "", put({"a": b"1"}))
    repository.write_bundle(tmp_path / "1", "")
    second = repository.commit(ADA, "", put({"a": b"2", "b": b""}))
    repository.write_bundle(tmp_path / "2", first)
    other = Repository(Git(tmp_path / "other"))
    with pytest.raises(Damaged):
        other.take_bundle(tmp_path / "2", 1 << 20)
    assert other.take_bundle(tmp_path / "1", 1 << 20) == first
    assert other.take_bundle(tmp_path / "2", 1 << 20) == second
    assert content(other, second) == {"a": b"2", "b": b""}
    repository.write_bundle(tmp_path / "all", "")
    repository.verify_bundle(tmp_path / "all", 1 << 20)


@pytest.mark.parametrize("where", [0, 20, -30, -1])
def test_a_bundle_with_a_wrong_byte_is_damaged(repository: Repository, tmp_path: Path, where: int) -> None:
    repository.commit(ADA, "", put({"a": b"1" * 1000}))
    repository.write_bundle(tmp_path / "1", "")
    data = bytearray((tmp_path / "1").read_bytes())
    data[where] ^= 1
    (tmp_path / "1").write_bytes(data)
    other = Repository(Git(tmp_path / "other"))
    with pytest.raises(Damaged):
        other.take_bundle(tmp_path / "1", 1 << 20)
    assert other.head() == ""


def test_a_bundle_that_is_cut_or_too_large_is_damaged(repository: Repository, tmp_path: Path) -> None:
    repository.commit(ADA, "", put({"a": os.urandom(10_000)}))
    repository.write_bundle(tmp_path / "1", "")
    other = Repository(Git(tmp_path / "other"))
    with pytest.raises(Damaged):
        other.take_bundle(tmp_path / "1", 1000)
    (tmp_path / "1").write_bytes((tmp_path / "1").read_bytes()[:-100])
    with pytest.raises(Damaged):
        other.take_bundle(tmp_path / "1", 1 << 20)
    assert other.head() == ""


def hostile(tmp_path: Path, entries: bytes) -> Path:
    """A bundle of one commit whose tree was written by somebody who means harm."""
    git = Git(tmp_path / "evil")
    Repository(git).make()
    blob = git.run("hash-object", "-w", "--stdin", data=b"[core]\nfsmonitor = touch /tmp/harm\n").decode().strip()
    raw = entries.replace(b"BLOB", bytes.fromhex(blob))
    tree = git.run("hash-object", "-t", "tree", "-w", "--literally", "--stdin", data=raw).decode().strip()
    data = f"tree {tree}\nauthor E <e> 1 +0000\ncommitter E <e> 1 +0000\n\nevil\n".encode()
    commit = git.run("hash-object", "-t", "commit", "-w", "--stdin", data=data).decode().strip()
    git.run("update-ref", "refs/heads/main", commit)
    Repository(git).write_bundle(tmp_path / "bundle", "")
    return tmp_path / "bundle"


@pytest.mark.parametrize(
    "entries",
    [
        b"100644 ..\0BLOB",
        b"100644 .\0BLOB",
        b"100644 .git\0BLOB",
        b"100644 .GIT\0BLOB",
        b"100644 git~1\0BLOB",
        b"100644 ../x\0BLOB",
        b"100644 .git/config\0BLOB",
        b"100644 /etc/x\0BLOB",
        b"100644 a\0BLOB100644 a\0BLOB",
        "100644 .g\u200cit\0".encode() + b"BLOB",
    ],
)
def test_a_bundle_with_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, entries: bytes) -> None:
    repository = Repository(Git(tmp_path / "git"))
    with pytest.raises(Damaged):
        repository.take_bundle(hostile(tmp_path, entries), 1 << 20)
    assert repository.head() == ""


def test_what_git_would_do_with_a_file_is_not_done(tmp_path: Path, repository: Repository) -> None:
    files = {
        ".gitattributes": b"* filter=evil diff=evil\n" + b"x" * 5000,
        ".gitmodules": b'[submodule "x"]\n path = x\n url = -u./harm\n',
        "a": b"1",
    }
    first = repository.commit(ADA, "", put(files))
    (tmp_path / "git" / "hooks").mkdir()
    for hook in ("reference-transaction", "post-commit", "pre-auto-gc"):
        script = tmp_path / "git" / "hooks" / hook
        script.write_text(f"#!/bin/sh\ntouch {tmp_path}/harm\n")
        script.chmod(0o755)
    repository.commit(ADA, "", put({**files, "a": b"2"}))
    repository.write_bundle(tmp_path / "1", "")
    other = Repository(Git(tmp_path / "other"))
    assert content(other, other.take_bundle(tmp_path / "1", 1 << 20))["a"] == b"2"
    assert content(other, first) == files
    assert not (tmp_path / "harm").exists()


def test_git_clone_accepts_a_bundle(repository: Repository, tmp_path: Path) -> None:
    repository.commit(ADA, "", put({"a": b"1", "🌷/b": b"2"}))
    repository.write_bundle(tmp_path / "w.bundle", "")
    command = ["git", "clone", "--quiet", "--branch", "main", str(tmp_path / "w.bundle"), str(tmp_path / "clone")]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "clone" / "🌷" / "b").read_bytes() == b"2"


def test_a_file_that_a_version_has_not(repository: Repository) -> None:
    version = repository.commit(ADA, "", put({"a/b": b"1"}))
    assert isinstance(repository.file(version, "a/b"), StoredFile)
    for path in ("a", "c", "../a/b", "-z", "", "*", "a\0/b"):
        with pytest.raises(NotFound):
            repository.file(version, path)
