"""The user's process of a session: from the fork to its last message.

Invariant: one thread, one socket, one message at a time. SIGINT is masked while nothing is evaluated, so that a
late interrupt cannot kill the session or stop the next run.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import os
import random
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

from sagews.worker import processes, session_rehearsal
from sagews.worker.confinement import Confinement
from sagews.worker.fork_requests import FORK_DESCRIPTORS, REQUEST_BYTES, Request
from sagews.worker.session_channel import Channel, Closed
from sagews.worker.session_init import Preparation
from sagews.worker.session_loop import SessionLoop
from sagews.worker.session_output import (
    ErrorOutput,
    Marks,
    TextOutput,
    flush_before_programs,
    print_at_once,
    show_lines_of_c,
)
from sagews.worker.session_shell import SessionShell
from sagews.worker.session_user import NAME


def run(preparation: Preparation, shell: SessionShell) -> NoReturn:
    """Be the user's process. Called in a fresh fork of init; never returns.

    :param shell: the zygote's warm shell.
    """
    status = 1
    try:
        _prepare(preparation, shell)
        channel = _begin(preparation)
        if channel is not None:
            SessionLoop(shell, channel).run()
        status = 0
    except Closed:
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 (nothing may return into the zygote's code)
        traceback.print_exc()
    finally:
        os._exit(status)


def _prepare(preparation: Preparation, shell: SessionShell) -> None:
    """What can be done before the session is asked for."""
    os.setsid()
    processes.die_with_parent(signal.SIGKILL, preparation.parent)
    processes.keep_descriptors([preparation.door.fileno()])
    _take_temporary_folder(preparation.temporary)
    reseed()
    if not preparation.awaited:
        session_rehearsal.rehearse(shell)


def _begin(preparation: Preparation) -> Channel | None:
    """Wait until the session is asked for and take what comes with that; None where it never is."""
    data, descriptors, _, _ = socket.recv_fds(preparation.door, REQUEST_BYTES, FORK_DESCRIPTORS - 1)
    preparation.door.close()
    if not data:
        return None
    request = Request.unpack(data)
    messages, stdout, stderr, *folder = descriptors
    _take_home(preparation.confinement, *folder)
    connection = socket.socket(fileno=messages)
    marks = Marks(request.nonce, _take_descriptors(stdout, stderr))
    os.register_at_fork(after_in_child=functools.partial(_leave, connection, marks))
    sys.stdout = sys.__stdout__ = TextOutput("stdout", 1, marks)  # type: ignore[assignment,misc]
    sys.stderr = sys.__stderr__ = ErrorOutput("stderr", 2, marks)  # type: ignore[assignment,misc]
    show_lines_of_c()
    builtins.print = print_at_once
    sys.addaudithook(flush_before_programs)
    preparation.confinement.give_up(request.limits, request.user, preparation.parent, preparation.temporary)
    return Channel(connection, marks)


def _leave(connection: socket.socket, marks: Marks) -> None:
    """In a process that the user's code forked: only the session itself speaks with the worker."""
    marks.active = False
    connection.close()


def _take_temporary_folder(folder: str) -> None:
    tempfile.tempdir = folder
    dot_sage = f"{folder}/dot_sage"
    os.environ.update(TMPDIR=folder, DOT_SAGE=dot_sage, IPYTHONDIR=f"{folder}/ipython")
    sage_folders: Any = sys.modules.get("sage.misc.temporary_file")
    if sage_folders is not None:
        # Made while Sage was imported; it belongs to the zygote, and must not vanish when this process ends.
        sage_folders.TMP_DIR_FILENAME_BASE._finalizer.detach()
        sage_folders.TMP_DIR_FILENAME_BASE = tempfile.TemporaryDirectory(prefix="sage_")
        Path(dot_sage).mkdir(mode=0o700)
        settings: Any = sys.modules["sage.env"]
        settings.DOT_SAGE = dot_sage


def _take_home(confinement: Confinement, folder: int | None = None) -> None:
    confinement.go_home(folder)
    home = str(Path.cwd())
    os.environ.update(HOME=home, PWD=home, USER=NAME, LOGNAME=NAME)


def _take_descriptors(stdout: int, stderr: int) -> tuple[int, int]:
    """Put the pipes where programs look for them; return private duplicates."""
    nothing = os.open("/dev/null", os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(descriptor, place)
    os.close(nothing)
    return stdout, stderr


def reseed() -> None:
    """Give this session random numbers of its own, in every library that is loaded."""
    random.seed()
    loaded = sys.modules
    if "numpy.random" in loaded:
        loaded["numpy.random"].seed()
    if "sage.misc.randstate" in loaded:
        randstate = loaded["sage.misc.randstate"]
        randstate.set_random_seed()
        state = randstate.current_randstate()
        state.set_seed_libc(True)
        state.set_seed_pari()
        if "sage.libs.gap.libgap" in loaded:
            state.set_seed_libgap()
    else:
        ctypes.CDLL(None).srandom(int.from_bytes(os.urandom(4), "little"))
