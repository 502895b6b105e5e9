"""FilesystemView: the files that a session sees: programs and libraries, read-only, and nothing of the machine's own.

It is a tree of mounts in the zygote's (or an init's) own mount namespace. Invariant: what can be written in it is
`HOME`, which is the workspace's folder, and what each session has alone: /tmp, /dev/shm, /proc.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sagews.worker import mounts
from sagews.worker.mounts import NO_DEVICES, NO_PROGRAMS, NO_SETUID, READ_ONLY
from sagews.worker.session_user import SessionUser, group_line, user_line

HOME = Path("/home/user")
TEMPORARY = "/tmp"

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "var/lib/texmf")
SETTINGS = (
    "alternatives", "ca-certificates.conf", "debian_version", "fonts", "host.conf", "inputrc", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "localtime", "magic", "maxima", "mime.types", "os-release", "pki/ca-trust",
    "pki/tls/cert.pem", "pki/tls/certs", "profile", "profile.d", "protocols", "python3", "python3.11", "sage",
    "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "texmf", "timezone", "vim", "xdg",
)  # fmt: skip
"""What of /etc: it names no person and holds no secret."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "dev/ptmx": "pts/ptmx",
    "etc/mtab": "/proc/self/mounts",
    "var/tmp": TEMPORARY,
    "var/run": "/run",
}
EMPTY = ("dev/pts", "dev/shm", "proc", "run", "tmp", "home/user", "root", "var")
"""Folders; what each session has of its own is mounted on them."""
HOSTS = "127.0.0.1 localhost sage\n::1 localhost\n"
SWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n"

_SAFE = NO_SETUID | NO_DEVICES


@dataclass(frozen=True)
class FilesystemView:
    """How it is made."""

    place: Path
    """An empty folder of this machine, over which it is mounted."""
    own: tuple[Path, ...]
    """Folders of the environment, besides those of the system."""
    hidden: tuple[Path, ...]
    """Folders of which nothing is shown, even where they lie inside of what is."""
    users: tuple[SessionUser, ...]
    """Who they may be, by number; all are called the same."""
    private: tuple[Path, ...] = ()
    """Folders of the environment that each session has for itself, empty, and can write in."""
    temporary_bytes: int = 2**30
    shared_memory_bytes: int = 2**30

    @property
    def processes(self) -> Path:
        """Where the session's own /proc is, as long as the machine's files can be seen."""
        return self.place / "proc"

    def build(self) -> None:
        """Mount all that sessions have in common. Only in a mount namespace of one's own."""
        self.place.mkdir(parents=True, exist_ok=True)
        mounts.mount("tmpfs", self.place, "mode=0755,size=16m,nr_inodes=16k", _SAFE)
        for name in EMPTY:
            self._folder(name)
        for path in (*(Path("/", name) for name in SYSTEM), *self.own):
            self._show(path)
        self._build_devices()
        self._build_settings()
        for name, target in LINKS.items():
            (self.place / name).symlink_to(target)
        mounts.set_attributes(self.place, READ_ONLY)

    def furnish(self) -> None:
        """Mount what one session has alone, in that session's namespaces."""
        mounts.mount("proc", self.processes, "hidepid=2", _SAFE | NO_PROGRAMS)
        mounts.mount(
            "devpts", self.place / "dev" / "pts", "newinstance,ptmxmode=0666,mode=0620", NO_SETUID | NO_PROGRAMS
        )
        self._furnish_temporary()
        for path in self.private:
            if self._inside(path).is_dir():
                mounts.mount("tmpfs", self._inside(path), self._bounded(self.temporary_bytes), _SAFE)
        mounts.mount("tmpfs", self.place / "dev" / "shm", self._bounded(self.shared_memory_bytes), _SAFE)

    def _furnish_temporary(self) -> None:
        """A fresh /tmp; what is shown of the machine's own (an environment may be there) stays in its place."""
        inside = [self._inside(path) for path in self.own if Path(TEMPORARY) in path.parents]
        trees = [(path, mounts.copy(path, READ_ONLY | _SAFE)) for path in inside if path.exists()]
        mounts.mount("tmpfs", self._inside(Path(TEMPORARY)), self._bounded(self.temporary_bytes), _SAFE)
        for path, tree in trees:
            path.mkdir(parents=True)
            mounts.place(tree, path)

    def bring_home(self, folder: int, user_namespace: int | None) -> None:
        """Show a workspace's folder as `HOME`.

        :param folder: a descriptor of it, in this mount namespace.
        :param user_namespace: which maps the owner of the files to the session's user; None = it is the same.
        """
        mounts.place(mounts.copy_of_folder(folder, _SAFE, user_namespace), self.place / HOME.relative_to("/"))

    def enter(self) -> None:
        """See nothing else."""
        os.chroot(self.place)
        os.chdir("/")

    def close_behind(self) -> None:
        """Throw the machine's own files out of this mount namespace."""
        mounts.take_root(self.place)

    @staticmethod
    def _bounded(size: int) -> str:
        return f"mode=1777,size={size},nr_inodes={max(1024, size // 4096)}"

    def _build_devices(self) -> None:
        for name in DEVICES:
            target = self.place / "dev" / name
            target.touch()
            mounts.place(mounts.copy(Path("/dev", name), NO_SETUID | NO_PROGRAMS), target)

    def _build_settings(self) -> None:
        for name in SETTINGS:
            self._show(Path("/etc", name))
        for name, text in (
            (
                "passwd",
                "".join(map(user_line, self.users)) + "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
            ),
            ("group", "".join(map(group_line, self.users)) + "nogroup:x:65534:\n"),
            ("hosts", HOSTS),
            ("hostname", "sage\n"),
            ("nsswitch.conf", SWITCH),
        ):
            (self.place / "etc" / name).write_text(text)

    def _show(self, path: Path) -> None:
        """Mount a folder or file of the machine read-only at its own place; a link is made again."""
        inside = self._inside(path)
        if not os.path.lexists(path) or os.path.lexists(inside):
            return
        self._folder(str(inside.parent.relative_to(self.place)))
        if path.is_symlink() and path.parts[1] in ("etc", *SYSTEM):
            inside.symlink_to(path.readlink())
            return
        if path.is_dir():
            inside.mkdir()
        else:
            inside.touch()
        mounts.place(mounts.copy(path, READ_ONLY | _SAFE), inside)
        for hidden in self.hidden:
            if (path == hidden or path in hidden.parents) and hidden.is_dir():
                mounts.mount("tmpfs", self._inside(hidden), "mode=0755,size=64k", _SAFE)

    def _folder(self, name: str) -> None:
        (self.place / name).mkdir(mode=0o755, parents=True, exist_ok=True)

    def _inside(self, path: Path) -> Path:
        return self.place / path.relative_to("/")


def own_folders(program: Path, home: Path) -> tuple[Path, ...]:
    """What a session needs of this Python and of this program; the home comes last.

    :param program: the folder of the package `sagews`.
    :param home: the zygote's, with the caches that its preloading has filled.
    """
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, str(Path(sys.executable).parent)]
    searched = [
        path for path in sys.path if Path(path).is_dir() and Path(path).resolve() not in _none_of(program, home)
    ]
    found = {path for name in prefixes + searched for path in _both(Path(name))} | {program}
    found.discard(Path("/"))
    return (*sorted(_outermost(found)), home)


def _none_of(program: Path, home: Path) -> set[Path]:
    """On Python's path because the zygote was started so; more would be shown than the package."""
    return {program.parent.resolve(), home.resolve(), Path("/")}


def _both(path: Path) -> Iterator[Path]:
    """A path as it is called, and as it really is: programs ask for either."""
    yield path.absolute()
    yield path.resolve()


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    known = set(paths)
    return (path for path in known if not known.intersection(path.parents))
