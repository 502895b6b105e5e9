"""Repository: the versions of one workspace, as commits of one branch in a bare git repository.

Invariant: what comes in a bundle is part of the branch only when git has found all of it whole and well-formed
(names such as `.git` and `..` in it are refused); no version is made that has the same files as the one before.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sagews.errors import Damaged, NotFound, Unavailable
from sagews.workspace.bundle_file import read_head
from sagews.workspace.contents import Content, StoredFile, each
from sagews.workspace.git import Git
from sagews.workspace.import_stream import Author, ImportStream

MAIN = "refs/heads/main"
_NEXT = "refs/sagews/next"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PIECE_BYTES = 256 * 1024
_LENIENT = (
    *(f"gitmodules{what}" for what in ("Blob", "Large", "Name", "Parse", "Path", "Symlink", "Update", "Url")),
    *(f"gitattributes{what}" for what in ("Blob", "Large", "LineLength")),
    "zeroPaddedFilemode",
)
"""Of git-fsck(1), "FSCK MESSAGES": what is wrong only for who uses submodules and attributes, which we never do."""

Change = Literal["added", "changed", "deleted"]
_CHANGES: dict[str, Change] = {"A": "added", "D": "deleted"}


@dataclass(frozen=True)
class Version:
    """One commit."""

    id: str
    author: Author
    at: int
    """Unix time in seconds."""
    message: str


class Repository:
    """Calls block: git takes its time."""

    def __init__(self, git: Git) -> None:
        """:param git: on a folder that need not exist yet."""
        self.git = git

    @property
    def exists(self) -> bool:
        """Whether it was made."""
        return (self.git.folder / "HEAD").is_file()

    def make(self) -> None:
        """Make it, where it is not there. Raises Unavailable where the disk cannot."""
        if not self.exists:
            self.git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(self.git.folder))

    def unlock(self) -> None:
        """Take away the locks that a git has left which was killed. Only for who knows that none runs."""
        for lock in [*self.git.folder.glob("*.lock"), *self.git.folder.glob("refs/**/*.lock")]:
            lock.unlink(missing_ok=True)

    def head(self) -> str:
        """The newest version; "" = there is none."""
        if not self.exists:
            return ""
        return self.git.text("for-each-ref", "--format=%(objectname)", MAIN)

    def has(self, version: str) -> bool:
        """Whether it is a version on the branch."""
        if not _COMMIT.fullmatch(version) or not self.exists:
            return False
        return self.git.succeeds("merge-base", "--is-ancestor", version, MAIN)

    def check(self, version: str) -> None:
        """Raises NotFound where it is no version on the branch."""
        if not self.has(version):
            raise NotFound("There is no such version of this workspace.")

    def knows(self, version: str) -> bool:
        """Whether it is a version here, on the branch or not."""
        return bool(_COMMIT.fullmatch(version)) and self.git.succeeds("cat-file", "-e", f"{version}^{{commit}}")

    def set_head(self, version: str) -> None:
        """Let the branch end with this version. Raises NotFound where there is none."""
        if not self.knows(version):
            raise NotFound("There is no such version of this workspace.")
        self.git.run("update-ref", MAIN, version)

    def count(self) -> int:
        """How many versions there are."""
        return int(self.git.text("rev-list", "--count", MAIN)) if self.head() else 0

    # --- making a version

    def commit(self, author: Author, message: str, write: Callable[[ImportStream], None], others: str = "") -> str:
        """Make a version.

        :param message: "" = what was changed.
        :param others: what stands below the message.
        :param write: writes how the files differ from the newest version's.
        :returns: its id, or "" where it has the same files as the newest one.
        """
        self.make()
        parent = self.head()
        with self.git.writing("fast-import", "--quiet", "--force", "--done") as pipe:
            stream = ImportStream(pipe, _NEXT, parent)
            write(stream)
            stream.end()
        names = [f"{_NEXT}^{{tree}}", *([f"{parent}^{{tree}}"] if parent else [])]
        tree, *old = self.git.text("rev-parse", *names).split()
        if old == [tree] or (not parent and not self.git.run("ls-tree", tree)):
            self.git.run("update-ref", "-d", _NEXT)
            return ""
        text = "\n\n".join(filter(None, (message or _told(self._differences(parent, tree)), others)))
        commit = self._write_commit(tree, parent, author, text)
        orders = f"update {MAIN} {commit} {parent or '0' * 40}\ndelete {_NEXT}\n"
        self.git.run("update-ref", "--stdin", data=orders.encode())
        return commit

    def _write_commit(self, tree: str, parent: str, author: Author, message: str) -> str:
        who = author.line(int(time.time()))
        lines = [f"tree {tree}", *([f"parent {parent}"] if parent else []), f"author {who}", f"committer {who}"]
        data = "\n".join([*lines, "", message.replace("\0", ""), ""]).encode("utf-8", "replace")
        return self.git.run("hash-object", "-t", "commit", "-w", "--stdin", data=data).decode().strip()

    # --- looking at versions

    def versions(self, skip: int, maximum: int, path: str = "") -> tuple[Version, ...]:
        """The newest first. :param path: only those in which something was changed there; "" = all."""
        if not self.head() or (path and not _is_path(path)):
            return ()
        form = "%H%x00%an%x00%ae%x00%at%x00%B"
        told = self.git.run(
            "log",
            "-z",
            f"--format={form}",
            f"--skip={skip}",
            f"--max-count={maximum}",
            MAIN,
            "--",
            *filter(None, (path,)),
        )
        parts = told.decode("utf-8", "replace").split("\0")
        groups = zip(*(iter(parts),) * 5, strict=False)
        return tuple(
            Version(commit, Author(name, account), int(at), message.strip())
            for commit, name, account, at, message in groups
        )

    def files(self, version: str) -> tuple[StoredFile, ...]:
        """Every file of a version, by path. Raises NotFound where there is no such version."""
        self.check(version)
        found = []
        for line in self.git.run("ls-tree", "-r", "-z", "-l", "--full-tree", version).split(b"\0")[:-1]:
            facts, _, path = line.partition(b"\t")
            mode, _, blob, size = facts.decode().split()
            found.append(
                StoredFile(path.decode("utf-8", "surrogateescape"), mode, blob, 0 if size == "-" else int(size))
            )
        return tuple(found)

    def changes(self, since: str, version: str) -> tuple[tuple[str, Change], ...]:
        """How the files of `version` differ from those of `since` ("" = no files), by path.

        :raises NotFound: there is no such version.
        """
        for one in (since, version):
            if one:
                self.check(one)
        return self._differences(since, version)

    def before(self, version: str) -> str:
        """The version before this one; "" = it is the first. Raises NotFound where there is no such version."""
        self.check(version)
        return self.git.text("rev-list", "--parents", "--max-count=1", version).partition(" ")[2].partition(" ")[0]

    def file(self, version: str, path: str) -> StoredFile:
        """One file of a version. Raises NotFound where there is none."""
        self.check(version)
        line = (
            self.git.run("ls-tree", "-z", "-l", "--full-tree", version, "--", path).rstrip(b"\0")
            if _is_path(path)
            else b""
        )
        facts, _, _ = line.partition(b"\t")
        if not facts or facts.split()[1] != b"blob":
            raise NotFound(f"There was no file {path!r} in this version.")
        mode, _, blob, size = facts.decode().split()
        return StoredFile(path, mode, blob, int(size))

    @contextmanager
    def contents(self, files: Sequence[StoredFile]) -> Iterator[Iterator[tuple[StoredFile, Content]]]:
        """What is in these files of versions, one after the other; each is read before the next is asked for."""
        data = "".join(f"{file.blob}\n" for file in files).encode()
        with self.git.reading("cat-file", "--batch", data=data) as pipe:
            yield each(files, pipe)

    def _differences(self, since: str, tree: str) -> tuple[tuple[str, Change], ...]:
        old = since or self.git.run("hash-object", "-t", "tree", "-w", "--stdin").decode().strip()
        told = self.git.run("diff-tree", "-r", "-z", "--no-renames", "--name-status", old, tree)
        parts = told.decode("utf-8", "surrogateescape").split("\0")[:-1]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return tuple((path, _CHANGES.get(status[:1], "changed")) for status, path in pairs)

    # --- bundles

    def write_bundle(self, path: Path, basis: str) -> None:
        """Write what is on the branch after `basis` ("" = all of it) to a file."""
        wanted = [MAIN, *([f"^{basis}"] if basis else [])]
        with (
            self.git.reading("bundle", "create", "--quiet", "--version=2", "-", *wanted) as pipe,
            path.open("wb") as file,
        ):
            while piece := pipe.read(_PIECE_BYTES):
                file.write(piece)

    def take_bundle(self, path: Path, largest_bytes: int) -> str:
        """Verify a bundle, put what it has into the repository, and the branch to its end; returns that version.

        :param largest_bytes: of its pack.
        :raises Damaged: it is not whole, not well-formed, or lacks what it builds on; nothing is changed then.
        """
        self.make()
        try:
            self.git.run("bundle", "verify", "--quiet", str(path))
            with path.open("rb") as file:
                found = read_head(file)
                strict = "--strict=" + ",".join(f"{one}=ignore" for one in _LENIENT)
                with self.git.writing(
                    "index-pack", "--stdin", "--fix-thin", strict, f"--max-input-size={largest_bytes}"
                ) as pipe:
                    while piece := file.read(_PIECE_BYTES):
                        pipe.write(piece)
            # Of what comes in, everything that the branch leads to must be here: `rev-list` fails where it is not.
            self.git.run("rev-list", "--quiet", "--objects", found.head, *([f"^{found.basis}"] if found.basis else []))
        except Unavailable as error:
            raise Damaged(f"A bundle of the workspace is damaged: {error.what}") from error
        self.git.run("update-ref", MAIN, found.head)
        return found.head

    def verify_bundle(self, path: Path, largest_bytes: int) -> None:
        """Raises Damaged where the repository cannot be made again of this bundle, which has all of it."""
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            again = Repository(Git(Path(folder) / "git"))
            if again.take_bundle(path, largest_bytes) != self.head():
                raise Damaged("A bundle that was just made has another end than the branch.")

    def repack(self) -> None:
        """Put what is in many small files together, and throw away what no version has."""
        self.git.run("repack", "-a", "-d", "--quiet")
        self.git.run("prune", "--expire=now")


def _is_path(path: str) -> bool:
    return "\0" not in path and all(step not in ("", ".", "..") for step in path.split("/"))


def _told(changes: tuple[tuple[str, Change], ...]) -> str:
    """What was changed, in a line; what else was, below it."""
    words = {"added": "Add", "changed": "Change", "deleted": "Delete"}
    parts = []
    for change, word in words.items():
        paths = [path.encode("utf-8", "replace").decode() for path, what in changes if what == change]
        if paths:
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            parts.append(f"{word} {', '.join(' '.join(path.split()) for path in paths[:3])}{more}")
    return "; ".join(parts)
