"""Versions: the files of one open workspace as commits, and the commits as bundles for the database.

Invariants: one thing at a time; git's folder is none that a session can reach. What is in the folder here goes on to
be used where it is what the database has, or was made from that; otherwise the files are made again of the bundles.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from sagews.errors import Damaged, SagewsError, Unavailable
from sagews.messages.records import BundleRecord
from sagews.worker.authors import Authors
from sagews.worker.chain import Chain
from sagews.worker.file_tree import LINK, FileTree, fitting, is_bad_link
from sagews.worker.kept_files import FoundFile, KeptLimits, LeftOut, Look, told
from sagews.worker.known_stamps import KnownStamps, Stamps
from sagews.workspace.contents import StoredFile
from sagews.workspace.git import Git
from sagews.workspace.import_stream import Author, ImportStream
from sagews.workspace.repository import Repository

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_Given = TypeVarTuple("_Given")

PACK_FACTOR = 4
"""A bundle, and a version that is laid out, may have so many times the bytes that are kept of a workspace's files:
there were other files before, or other limits."""

FIRST_REPACK = 50
"""Versions at which what git keeps in small files is put together; then each time that there are twice as many."""


@dataclass(frozen=True)
class Offer:
    """A bundle that is ready to be stored."""

    record: BundleRecord
    path: Path


@dataclass(frozen=True)
class LaidOut:
    """What going to a version did."""

    changed: tuple[str, ...]
    """Paths that are different now."""
    aside: tuple[str, ...]
    """Where things are now that were in the way, and are in no version."""


class Versions:
    """Of one open workspace. Nothing is made before there is a file."""

    def __init__(self, folder: Path, files: Path, limits: KeptLimits) -> None:
        """
        :param folder: of the worker, for git's and the bundles.
        :param files: of the workspace.
        """
        self.authors = Authors()
        self.head = ""
        """The newest version."""
        self.repository = Repository(Git(folder / "git"))
        self.tree = FileTree(files)
        self._bundles = folder / "bundles"
        self._files = files
        self._limits = limits
        self._chain = Chain()
        self._count = 0
        self._known = KnownStamps(folder / "stamps.json")
        self._stamps: Stamps | None = None
        """Of the files of the newest version, as they are in the folder; None = not known."""
        self._repack_at = FIRST_REPACK
        self._told = ""
        self._has_all = False
        self.looked_at_ns = 0
        """When the last look at the files began, for a version (Unix time)."""
        self._turn = asyncio.Lock()

    @property
    def lacks_storing(self) -> bool:
        """Whether there is a version that the database has not."""
        return bool(self.head) and self.head != self._chain.head

    @property
    def has_all(self) -> bool:
        """Whether the newest version has everything that was in the folder at `looked_at_ns`."""
        return self._has_all

    @property
    def count(self) -> int:
        """How many versions there are."""
        return self._count

    async def _in_turn(self, work: Callable[[*_Given], _Result], *given: *_Given) -> _Result:
        async with self._turn:
            try:
                return await asyncio.to_thread(work, *given)
            except OSError as error:
                raise Unavailable(f"The worker's disk cannot be used ({error.strerror}).") from error

    # --- at opening

    async def restore(self, chain: tuple[BundleRecord, ...], arrived: Callable[[str], Path]) -> None:
        """Make the files what the database has, where they are not already.

        :param arrived: where the bundle with this head is, that came before the opening.
        :raises Damaged: a bundle is not what was stored, or is no good; Unavailable: the disk cannot.
        """
        await self._in_turn(self._restore, chain, arrived)

    def _restore(self, chain: tuple[BundleRecord, ...], arrived: Callable[[str], Path]) -> None:
        shutil.rmtree(self._bundles, ignore_errors=True)
        self.repository.unlock()
        self._chain = Chain(chain)
        if self.repository.exists and (not chain or self.repository.has(self._chain.head)):
            self.head = self.repository.head()
            self._stamps = self._known.read(self.head)
        elif chain:
            self._take(chain, arrived)
            self.head = self._chain.head
            self._lay_out()
        self._count = self.repository.count()

    def _take(self, chain: tuple[BundleRecord, ...], arrived: Callable[[str], Path]) -> None:
        try:
            for bundle in chain:
                if not self._has(bundle):
                    self.repository.take_bundle(checked(arrived(bundle.head), bundle), PACK_FACTOR * self._limits.bytes)
            self.repository.set_head(self._chain.head)
        except SagewsError:
            # It may be what was here that is damaged: without it, the next opening gets every bundle.
            shutil.rmtree(self.repository.git.folder, ignore_errors=True)
            raise

    def _has(self, bundle: BundleRecord) -> bool:
        return self.repository.exists and self.repository.knows(bundle.head)

    def wanted(self, bundles: tuple[BundleRecord, ...]) -> tuple[str, ...]:
        """Heads of those bundles whose versions are not here; blocks."""
        return tuple(bundle.head for bundle in bundles if not self._has(bundle))

    def _lay_out(self) -> None:
        """Make the folder what the newest version says."""
        files, left_out = fitting(self.repository.files(self.head), PACK_FACTOR * self._limits.bytes)
        wanted = {file.path for file in files}
        for found in Look.at(self._files).found:
            if found.path not in wanted:
                self.tree.delete(found.path)
        left_out += self._put(files)
        if left_out:
            log.warning("Files left out", extra={"action": "files_left_out", "what": told(left_out)})
        self._stamps = {found.path: found.stamp for found in Look.at(self._files).found}

    def _put(self, files: list[StoredFile]) -> list[LeftOut]:
        left_out = []
        try:
            with self.repository.contents(files) as contents:
                for file, content in contents:
                    if file.mode != LINK:
                        self.tree.put(file, content)
                    elif is_bad_link(file, goal := content.read(file.size)):
                        left_out.append(LeftOut(file.path, "is a link that leads out of the workspace"))
                    else:
                        self.tree.put(file, io.BytesIO(goal))
        except OSError as error:
            raise Unavailable(f"The workspace's files cannot be written here: {error.strerror}.") from error
        return left_out

    # --- making versions

    async def commit(self, message: str = "", author: Author | None = None) -> str:
        """Make a version, where the files differ from the newest one.

        :param message: "" = what was changed.
        :returns: what a person should be told of files that are not kept, where that is something new.
        :raises SagewsError: it cannot be made.
        """
        return await self._in_turn(self._commit, message, author)

    def _commit(self, message: str, author: Author | None) -> str:
        self._has_all, self.looked_at_ns = False, time.time_ns()
        look = Look.at(self._files)
        look.keep_within(self._limits, self._stamps or ())
        old: Stamps | None = self._stamps
        stamps: Stamps = {file.path: file.stamp for file in look.found}
        changed = [file for file in look.found if old is None or file.stamp is None or old.get(file.path) != file.stamp]
        gone = [path for path in old or () if path not in stamps]
        unsure: list[str] = []
        if changed or gone or (old is None and self.head):
            writing = _Writing(self.tree, changed, gone, look.left_out, everything=old is None)
            last, others = self.authors.take()
            made = self.repository.commit(author or last, message, writing.write, others)
            if made:
                self.head, self._count = made, self._count + 1
            unsure = writing.unsure
            stamps.update(dict.fromkeys(unsure))
            self._known.write(self.head, stamps)
        self._stamps = stamps
        self._has_all = not look.left_out and not unsure
        return self._news(told(look.left_out))

    def _news(self, text: str) -> str:
        news, self._told = text if text != self._told else "", text
        return news

    # --- bundles

    async def offer(self) -> Offer | None:
        """A bundle of what the database has not; None = it has all. `withdraw` it when it is stored, or cannot be.

        :raises SagewsError: it cannot be made.
        """
        return await self._in_turn(self._offer)

    def _offer(self) -> Offer | None:
        if not self.head or self.head == self._chain.head:
            return None
        self._bundles.mkdir(exist_ok=True)
        path = self.bundle(self.head)
        basis = self._chain.head
        self.repository.write_bundle(path, basis)
        larger = self._chain.basis(path.stat().st_size)
        if larger != basis:
            self.repository.write_bundle(path, larger)
            if not larger:
                self.repository.verify_bundle(path, PACK_FACTOR * self._limits.bytes)
        record = BundleRecord(larger, self.head, self._count, path.stat().st_size, digest(path))
        return Offer(record, path)

    def bundle(self, head: str) -> Path:
        """Where the bundle of an offer is, as long as it is offered."""
        return self._bundles / f"{head}.bundle"

    def withdraw(self, offer: Offer) -> None:
        """It is not needed any more."""
        offer.path.unlink(missing_ok=True)

    def forget_chain(self) -> None:
        """The database has other bundles than we know of: the next offer has all versions, and replaces them."""
        self._chain = Chain()

    async def stored(self, offer: Offer) -> None:
        """The database has it."""
        self._chain.add(offer.record)
        if self._count >= self._repack_at and not offer.record.basis:
            self._repack_at = 2 * self._count
            async with self._turn:
                try:
                    await asyncio.to_thread(self.repository.repack)
                except SagewsError as error:
                    log.warning("Repository not repacked", extra={"action": "not_repacked", "error": error.what})

    # --- going back

    async def lay_out_version(self, version: str) -> LaidOut:
        """Make the folder what a version says, from the newest one; what is in no version is put aside, not replaced.

        :raises NotFound: there is no such version; Unavailable: the disk cannot.
        """
        return await self._in_turn(self._lay_out_version, version)

    def _lay_out_version(self, version: str) -> LaidOut:
        changes = dict(self.repository.changes(self.head, version))
        files, _ = fitting(self.repository.files(version), PACK_FACTOR * self._limits.bytes)
        for path, change in changes.items():
            if change == "deleted":
                self.tree.delete(path)
        wanted = [file for file in files if file.path in changes]
        moved = [self.tree.make_way(file.path, is_new=changes[file.path] == "added") for file in wanted]
        self._put(wanted)
        return LaidOut(tuple(changes), tuple(path for paths in moved for path in paths))


class _Writing:
    """How the files differ from those of the newest version, written for git."""

    def __init__(
        self, tree: FileTree, changed: list[FoundFile], gone: list[str], left_out: list[LeftOut], *, everything: bool
    ) -> None:
        """:param everything: what is not in `changed` is not there."""
        self.unsure: list[str] = []
        """Files that changed while they were read."""
        self._tree = tree
        self._changed = changed
        self._gone = gone
        self._left_out = left_out
        self._everything = everything

    def write(self, stream: ImportStream) -> None:
        """Write it."""
        if self._everything:
            stream.delete_all()
        for path in self._gone:
            stream.delete(path)
        for file in self._changed:
            try:
                whole = self._put(stream, file)
            except FileNotFoundError:
                stream.delete(file.path)
                whole = False
            except OSError as error:
                stream.delete(file.path)
                self._left_out.append(LeftOut(file.path, f"cannot be read ({error.strerror})"))
                whole = False
            if not whole:
                self.unsure.append(file.path)

    def _put(self, stream: ImportStream, file: FoundFile) -> bool:
        if file.mode == LINK:
            goal = self._tree.link(file.path)
            return stream.put(file.path, LINK, len(goal), io.BytesIO(goal))
        with os.fdopen(self._tree.open(file.path), "rb") as content:
            size = os.fstat(content.fileno()).st_size
            # What was added since the look is for the next version: only what was looked at is within the limits.
            return stream.put(file.path, file.mode, min(size, file.size), content) and size == file.size


def digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(path: Path, bundle: BundleRecord) -> Path:
    """The same path. Raises Damaged where not exactly this bundle is there."""
    if not path.is_file() or path.stat().st_size != bundle.size or digest(path) != bundle.sha256:
        raise Damaged(f"The bundle up to version {bundle.head[:12]} is not the one that was stored.")
    return path
