"""Versions of a folder's files: made, bundled, and made again elsewhere. Real git."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sagews.errors import Damaged, Unavailable
from sagews.messages.records import Actor, BundleRecord
from sagews.worker.file_tree import FileTree
from sagews.worker.kept_files import FRESH_NS, KeptLimits
from sagews.worker.versions import LaidOut, Versions
from sagews.workspace.git import Git
from sagews.workspace.repository import Repository
from tests.logwatch import Expectation
from tests.waiting import eventually

LIMITS = KeptLimits(file_bytes=1 << 20, bytes=4 << 20, files=1000)


class Place:
    """A workspace on a worker, and what the database has of it."""

    def __init__(self, folder: Path, limits: KeptLimits = LIMITS) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.limits = limits
        self.versions = Versions(folder, self.files, limits)
        self.stored: dict[str, tuple[BundleRecord, bytes]] = {}
        self.sent: list[str] = []

    @property
    def chain(self) -> tuple[BundleRecord, ...]:
        return tuple(record for record, _ in self.stored.values())

    async def store(self) -> bool:
        """What a checkpoint does; False where there is nothing to store."""
        offer = await self.versions.offer()
        if offer is None:
            return False
        kept, basis = {}, ""
        for head, one in self.stored.items():
            if not offer.record.basis or basis == offer.record.basis:
                break
            kept[head] = one
            basis = head
        self.stored = {**kept, offer.record.head: (offer.record, offer.path.read_bytes())}
        self.versions.withdraw(offer)
        await self.versions.stored(offer)
        return True

    async def opened(self, folder: Path) -> Place:
        """The same workspace opened in another folder, or again in this one."""
        other = Place(folder, self.limits)
        other.stored = dict(self.stored)
        arrived = folder / "arrived"
        arrived.mkdir(exist_ok=True)
        other.sent = list(other.versions.wanted(self.chain))
        for head in other.sent:
            (arrived / head).write_bytes(self.stored[head][1])
        await other.versions.restore(self.chain, lambda head: arrived / head)
        return other

    def texts(self) -> dict[str, str]:
        """What is in the files."""
        paths = (path for path in self.files.rglob("*") if path.is_file())
        return {str(path.relative_to(self.files)): path.read_text() for path in paths}

    def write(self, path: str, text: str) -> None:
        """As a session would."""
        (self.files / path).parent.mkdir(parents=True, exist_ok=True)
        (self.files / path).write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty workspace."""
    return Place(tmp_path / "one")


async def test_files_come_back_elsewhere(place: Place, tmp_path: Path) -> None:
    place.write("a/b.txt", "1")
    place.write("run.sh", "2")
    (place.files / "run.sh").chmod(0o700)
    (place.files / "link").symlink_to("a/b.txt")
    assert await place.versions.commit() == ""
    assert await place.store()
    assert not await place.store()
    other = await place.opened(tmp_path / "two")
    assert other.texts() == {"a/b.txt": "1", "run.sh": "2", "link": "1"}
    assert os.access(other.files / "run.sh", os.X_OK)
    assert (other.files / "link").readlink() == Path("a/b.txt")
    assert await other.versions.commit() == ""
    assert not await other.store()


async def test_in_an_empty_workspace_git_makes_nothing(place: Place) -> None:
    await place.versions.restore((), lambda head: place.folder)
    await place.versions.commit()
    assert not await place.store()
    assert not (place.folder / "git").exists()


async def test_a_change_is_seen_however_soon_it_comes(place: Place) -> None:
    for number in range(10):
        place.write("a", str(number))
        await place.versions.commit()
    assert place.versions.repository.count() == 10
    assert await place.versions.commit() == ""
    assert place.versions.repository.count() == 10


async def test_what_went_on_elsewhere_replaces_what_is_here(place: Place, tmp_path: Path) -> None:
    place.write("a", "1")
    place.write("b", "1")
    await place.versions.commit()
    await place.store()
    other = await place.opened(tmp_path / "two")
    other.write("a", "2")
    (other.files / "b").unlink()
    other.write("c/d", "1")
    await other.versions.commit()
    await other.store()
    place.write("a", "never stored")
    await place.versions.commit()
    again = await other.opened(place.folder)
    assert again.texts() == {"a": "2", "c/d": "1"}
    assert again.sent, "the new bundle is wanted"


async def test_what_was_not_stored_yet_stays_where_nobody_went_on(place: Place) -> None:
    place.write("a", "1")
    await place.versions.commit()
    await place.store()
    place.write("a", "2")
    await place.versions.commit()
    place.write("b", "3")
    again = await place.opened(place.folder)
    assert again.sent == []
    assert again.texts() == {"a": "2", "b": "3"}
    await again.versions.commit()
    assert await again.store()


async def test_two_hundred_checkpoints_of_a_growing_workspace_stay_bounded(place: Place, tmp_path: Path) -> None:
    longest = 0
    for number in range(200):
        place.write(f"{number % 20}.bin", os.urandom(500).hex())
        await place.versions.commit()
        assert await place.store()
        longest = max(longest, len(place.chain))
    stored = sum(record.size for record in place.chain)
    everything = tmp_path / "everything"
    place.versions.repository.write_bundle(everything, "")
    assert longest <= 12
    assert stored < 1.5 * everything.stat().st_size
    other = await place.opened(tmp_path / "two")
    assert other.texts() == place.texts()
    assert other.versions.repository.count() == 200


async def test_a_bundle_that_is_not_what_was_stored_is_refused(place: Place, tmp_path: Path) -> None:
    place.write("a", "1")
    await place.versions.commit()
    await place.store()
    [(head, (record, data))] = place.stored.items()
    place.stored[head] = (record, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Damaged):
        await place.opened(tmp_path / "two")


async def test_the_authors_are_those_who_changed_something(place: Place) -> None:
    for account, name in (("a1", "Ada"), ("e1", "Emmy"), ("a1", "Ada")):
        place.versions.authors.add(Actor(account, name, "owner"))
    place.write("a", "1")
    await place.versions.commit()
    place.write("a", "2")
    await place.versions.commit()
    second, first = place.versions.repository.versions(0, 10)
    assert (first.author.name, first.author.account) == ("Ada", "a1")
    assert first.message == "Add a\n\nCo-authored-by: Emmy <e1>"
    assert (second.author.name, second.author.account) == ("sagews", "")


async def test_what_is_not_kept_is_told_once(place: Place) -> None:
    place.write("large", "x" * (LIMITS.file_bytes + 1))
    place.write("small", "1")
    assert "“large” is larger than 1 MiB" in await place.versions.commit()
    place.write("small", "2")
    assert await place.versions.commit() == ""
    assert [file.path for file in place.versions.repository.files(place.versions.head)] == ["small"]


async def test_going_back(place: Place) -> None:
    place.write("a", "1")
    place.write("b/c", "1")
    await place.versions.commit()
    first = place.versions.head
    place.write("a", "2")
    shutil.rmtree(place.files / "b")
    place.write("d", "2")
    await place.versions.commit()
    assert await place.versions.lay_out_version(first) == LaidOut(("a", "b/c", "d"), ())
    assert place.texts() == {"a": "1", "b/c": "1"}
    await place.versions.commit("Back")
    assert [one.message for one in place.versions.repository.versions(0, 9)] == [
        "Back",
        "Add d; Change a; Delete b/c",
        "Add a, b/c",
    ]


async def test_going_back_replaces_nothing_that_no_version_has(place: Place) -> None:
    for path in ("data.csv", "folder/deep", "file"):
        place.write(path, "old")
    await place.versions.commit()
    first = place.versions.head
    large = "x" * (LIMITS.file_bytes + 1)
    shutil.rmtree(place.files / "folder")
    (place.files / "file").unlink()
    for path in ("data.csv", "folder", "file/inside"):
        place.write(path, large)
    assert "is larger than" in await place.versions.commit()
    assert place.versions.repository.files(place.versions.head) == ()
    done = await place.versions.lay_out_version(first)
    texts = place.texts()
    assert {path: texts.pop(path) for path in done.changed} == dict.fromkeys(("data.csv", "folder/deep", "file"), "old")
    assert [path[:5] for path in done.aside] == ["data-", "file-", "folde"]
    assert list(texts.values()) == [large] * 3
    assert {path.partition("/")[0] for path in texts} == set(done.aside)


async def test_after_the_chain_is_forgotten_everything_is_offered(place: Place, tmp_path: Path) -> None:
    place.write("a", "1" * 1000)
    await place.versions.commit()
    await place.store()
    place.versions.forget_chain()
    place.write("b", "2")
    await place.versions.commit()
    assert await place.store()
    assert [record.basis for record in place.chain] == [""]
    assert set((await place.opened(tmp_path / "two")).texts()) == {"a", "b"}


async def test_what_a_killed_git_has_left_is_in_nobodys_way(place: Place) -> None:
    place.write("a", "1")
    await place.versions.commit()
    await place.store()
    for lock in ("refs/heads/main.lock", "packed-refs.lock", "HEAD.lock"):
        (place.folder / "git" / lock).touch()
    again = await place.opened(place.folder)
    again.write("a", "2")
    await again.versions.commit()
    assert again.versions.repository.count() == 2


async def test_a_damaged_repository_is_made_again_of_the_bundles(place: Place, tmp_path: Path) -> None:
    place.write("a", "1")
    await place.versions.commit()
    await place.store()
    other = await place.opened(tmp_path / "two")
    for pack in (other.folder / "git" / "objects" / "pack").iterdir():
        pack.chmod(0o600)
        pack.write_bytes(b"")
    with contextlib.suppress(Damaged, Unavailable):
        await other.opened(other.folder)
    assert (await other.opened(other.folder)).texts() == {"a": "1"}


class RecordingTree(FileTree):
    """Knows what was read."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.opened: list[str] = []

    def open(self, path: str) -> int:
        self.opened.append(path)
        return super().open(path)


async def test_files_that_are_as_they_were_are_not_read_again(place: Place) -> None:
    place.write("a", "1")
    place.write("b", "1")
    # What was changed just now is read again in any case.
    await eventually(lambda: time.time_ns() - (place.files / "b").stat().st_ctime_ns > FRESH_NS)
    await place.versions.commit()
    again = await place.opened(place.folder)
    again.versions.tree = tree = RecordingTree(again.files)
    again.write("b", "2")
    await again.versions.commit()
    assert tree.opened == ["b"]
    (place.folder / "stamps.json").write_text("{")
    third = await place.opened(place.folder)
    third.versions.tree = tree = RecordingTree(third.files)
    await third.versions.commit()
    assert tree.opened == ["a", "b"]
    assert third.versions.repository.count() == 2


async def test_of_a_hostile_version_only_what_is_harmless_is_laid_out(
    tmp_path: Path, expected_log: Callable[[str, str], Expectation]
) -> None:
    expected_log("sagews.worker.versions", "Files left out")
    evil, git = Place(tmp_path / "evil"), Git(tmp_path / "evil" / "git")
    Repository(git).make()

    def blob(data: bytes) -> bytes:
        return bytes.fromhex(git.run("hash-object", "-w", "--stdin", data=data).decode())

    outside = tmp_path / "outside"
    entries = {
        b"-rf": (b"100644", b"fine"),
        b"bad\xff": (b"100644", b"no text"),
        b"huge": (b"100644", bytes(5 * LIMITS.bytes)),
        b"in": (b"120000", b"-rf"),
        b"link": (b"120000", os.fsencode(outside)),
        b"n" * 256: (b"100644", b"too long"),
        b"up": (b"120000", b"../outside"),
    }
    tree = b"".join(mode + b" " + name + b"\0" + blob(data) for name, (mode, data) in entries.items())
    tree += b"160000 x\0" + bytes(19) + b"1"
    made = git.run("hash-object", "-t", "tree", "-w", "--stdin", data=tree).decode().strip()
    text = f"tree {made}\nauthor E <e> 1 +0000\ncommitter E <e> 1 +0000\n\nevil\n".encode()
    head = git.run("hash-object", "-t", "commit", "-w", "--stdin", data=text).decode().strip()
    git.run("update-ref", "refs/heads/main", head)
    evil.versions.head = head
    assert await evil.store()
    place = await evil.opened(tmp_path / "one")
    assert sorted(path.name for path in place.files.iterdir()) == ["-rf", "in"]
    assert (place.files / "-rf").read_bytes() == b"fine"
    assert not outside.exists()


async def test_a_disk_that_cannot_is_told_as_an_error_of_ours(place: Place) -> None:
    place.write("a", "1")
    await place.versions.commit()
    (place.folder / "bundles").write_text("in the way")
    with pytest.raises(Unavailable):
        await place.versions.offer()
    (place.folder / "bundles").unlink()
    assert await place.store()
    shutil.rmtree(place.files)
    with pytest.raises(Unavailable):
        await place.versions.commit()
