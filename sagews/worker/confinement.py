"""What a forked session may do: the one place where it gives up what it does not need.

Three processes take the steps: the zygote (`prepare`, `fork`), the session's init (`enter`, `step_in`, `step_out`,
`take_in`) and the user's process (`go_home`, `give_up`), in this order. Invariant: each step raises `OSError` where it
cannot be taken, and the session ends then: it fails closed. What a machine cannot do at all was found out before
(`confinement_trial`).
"""

from __future__ import annotations

import errno
import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

from sagews.messages.records import Limits
from sagews.worker import capabilities, landlock, mounts, namespaces, processes, resource_limits, seccomp
from sagews.worker.filesystem_view import HOME, TEMPORARY, FilesystemView
from sagews.worker.session_user import SessionUser
from sagews.worker.system_calls import call

_JOIN_SESSION_KEYRING = 1
_FIRST_TO_GO = 500
_SYSTEM_READABLE = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/proc",
    "/sys",
    "/run",
    "/var/lib",
    "/opt",
)
_ALWAYS_WRITABLE = ("/dev", "/proc")


@dataclass(frozen=True)
class Confinement:
    """How the sessions of one zygote are confined."""

    view: FilesystemView | None = None
    """With it, each session has namespaces of its own; without, it shares this machine's."""
    as_root: bool = False
    """The namespaces are made with root's rights; else in a user namespace."""
    users: frozenset[SessionUser] = frozenset()
    """Whom sessions may become; none = they stay who the zygote is."""
    owner: int = 0
    """User id to which a workspace's folder has to belong."""
    readable: tuple[Path, ...] = ()
    """What the environment needs to read, where there is no view."""
    landlock: int = 0
    """Version of the kernel's interface; 0 = it is not used."""
    filtered: bool = False
    """Whether system calls are filtered."""

    # --- in the zygote

    def prepare(self) -> None:
        """Once, before the environment is loaded: make what its sessions will share."""
        if self.filtered:
            seccomp.program_here()
        if self.view is not None and self.as_root:
            namespaces.unshare(namespaces.NEW_MOUNTS)
            mounts.keep_private()
            self.view.build()

    def fork(self) -> int:
        """Fork the init of a session; 0 in it. Raises OSError where there cannot be one more process."""
        if self.view is None:
            return os.fork()
        return namespaces.fork_first() if self.as_root else namespaces.fork_first_as_user()

    def check(self, user: SessionUser | None) -> None:
        """:raises OSError: sessions of this zygote may not become this user."""
        if user not in (self.users or (None,)):
            raise OSError(errno.EPERM, "not one of the users for sessions")

    # --- in init

    @property
    def is_first(self) -> bool:
        """Whether init is number 1 of its own processes, all of which end with it."""
        return self.view is not None

    def enter(self) -> None:
        """Before the user's process is forked: leave what the machine's processes share."""
        if self.view is None:
            return
        namespaces.isolate()
        mounts.keep_private()
        if not self.as_root:
            self.view.build()
        self.view.furnish()

    def step_in(self) -> int:
        """See only what the session will see; the user's process is forked so. Returns what `step_out` needs."""
        outside = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        if self.view is not None:
            self.view.enter()
        return outside

    def step_out(self, outside: int) -> None:
        """Init sees the machine's files again, until `take_in`."""
        if self.view is not None:
            os.fchdir(outside)
            os.chroot(".")
        os.close(outside)

    def take_in(self, folder: int, user: SessionUser | None, outputs: list[int]) -> None:
        """When the session is asked for: bring its home, shut the door, and keep only the power to signal.

        :param folder: a descriptor of the workspace's files.
        :param outputs: pipes that the user's programs may open by name (/dev/stdout).
        """
        if self.view is None:
            return
        again = self._same_folder(folder)
        try:
            owner = os.fstat(again)
            mapping = self._mapping(self.view, SessionUser(owner.st_uid, owner.st_gid), user)
            try:
                self.view.bring_home(again, mapping)
            finally:
                if mapping is not None:
                    os.close(mapping)
        finally:
            os.close(again)
        self.view.close_behind()
        if user is not None and self.users:
            for output in outputs:
                self._hand_over_pipe(output, user)
        capabilities.forget_bounds()
        capabilities.keep_only(capabilities.CAP_KILL)

    def _hand_over_pipe(self, output: int, user: SessionUser) -> None:
        """Nothing else: a worker that is taken over could send a descriptor of any file that it can read."""
        found = os.fstat(output)
        if not stat.S_ISFIFO(found.st_mode) or found.st_uid != self.owner:
            raise OSError(errno.EPERM, "this is no pipe of the worker's")
        os.fchown(output, user.uid, user.gid)

    def _same_folder(self, folder: int) -> int:
        """The folder again, in this mount namespace; a link that took its place meanwhile is refused."""
        path = Path(f"/proc/self/fd/{folder}").readlink()
        again = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        here, there = os.fstat(again), os.fstat(folder)
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino) or (self.users and here.st_uid != self.owner):
            os.close(again)
            raise OSError(errno.EPERM, "this is no workspace's folder", str(path))
        return again

    def _mapping(self, view: FilesystemView, owner: SessionUser, user: SessionUser | None) -> int | None:
        """Makes the owner of the files be the session's user inside: what it writes belongs to the worker."""
        if user is None or not self.users or user == owner:
            return None
        return namespaces.user_namespace((owner.uid, user.uid), (owner.gid, user.gid), view.processes)

    # --- in the user's process

    def go_home(self, folder: int | None) -> None:
        """Make the workspace's files the current folder.

        :param folder: a descriptor of them where there is no view.
        """
        if folder is None:
            os.chdir(HOME)
        else:
            os.fchdir(folder)
            os.close(folder)

    def give_up(self, limits: Limits, user: SessionUser | None, parent: int, temporary: str) -> None:
        """Give up everything that the user's code must not have; the last step before its first byte.

        :param user: whom to become; None = stay.
        :param parent: process id of init as this process sees it, with which this one dies.
        :param temporary: folder for temporary files.
        """
        resource_limits.set_limits(limits, own_user=bool(self.users) or (self.view is not None and not self.as_root))
        _go_first()
        _leave_keyring()
        strict = self.view is not None or self.filtered
        if self.view is not None or (strict and os.geteuid() == 0):
            capabilities.forget_bounds()
        if self.users and user is not None:
            _hand_over(temporary, user)
            os.setgroups([])
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
        if strict:
            capabilities.keep_only()
        # Behind the change of user, which clears it (prctl(2)).
        processes.die_with_parent(signal.SIGKILL, parent)
        processes.control(processes.PR_SET_NO_NEW_PRIVS, 1)
        if self.landlock:
            self._wall_in(temporary)
        if self.filtered:
            seccomp.install()

    def _wall_in(self, temporary: str) -> None:
        writable = [Path.cwd(), Path(temporary), *map(Path, _ALWAYS_WRITABLE)]
        if self.view is not None:
            landlock.restrict(self.landlock, [Path("/")], [*writable, Path(TEMPORARY), *self.view.private])
        else:
            landlock.restrict(
                self.landlock, [*map(Path, _SYSTEM_READABLE), *self.readable], [*writable, Path("/dev/shm")]
            )


def _go_first() -> None:
    """Where the whole machine is out of memory, the kernel ends sessions, not the worker, whose loss is everybody's.

    What was set with root's rights, a session cannot take back (proc_pid_oom_score_adj(5)).
    """
    file = Path("/proc/self/oom_score_adj")
    if int(file.read_text()) < _FIRST_TO_GO:
        file.write_text(str(_FIRST_TO_GO))


def _leave_keyring() -> None:
    """Have a session keyring of one's own instead of the zygote's (keyrings(7))."""
    try:
        call("keyctl", _JOIN_SESSION_KEYRING, None)
    except OSError as error:
        # A kernel without keys has none to leak; nor has one whose container may not ask for any.
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise


def _hand_over(folder: str, user: SessionUser) -> None:
    """Give the user what was made for it before it was known; nobody else has been in it."""
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not os.path.ismount(os.path.join(path, name))]  # noqa: PTH118
        for name in (*folders, *files):
            os.chown(os.path.join(path, name), user.uid, user.gid, follow_symlinks=False)  # noqa: PTH118
