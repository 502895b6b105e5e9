"""The user's process of a session: from the fork to its last message.

Invariant: one thread, one socket, one message at a time. SIGINT is masked while nothing is evaluated, so that a
late interrupt cannot kill the session or stop the next run.
"""

from __future__ import annotations

import ctypes
import os
import random
import socket
import sys
import tempfile
import traceback
from typing import Any, NoReturn

from sagews.worker import confinement
from sagews.worker.session_channel import Channel, Closed
from sagews.worker.session_init import Birth
from sagews.worker.session_output import Marks, TextOutput


def run(birth: Birth, shell: Any) -> NoReturn:
    """Be the user's process. Called in a fresh fork of init; never returns.

    :param shell: the zygote's warm shell (`session_shell.SessionShell`).
    """
    status = 1
    try:
        channel = _settle(birth)
        shell.serve(channel)
        status = 0
    except Closed:
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _settle(birth: Birth) -> Channel:
    """Take descriptors, folder, limits and random numbers of its own."""
    os.setsid()
    _take_folder(birth)
    connection, marks = _take_descriptors(birth)
    confinement.confine(birth.limits, birth.parent)
    reseed()
    return Channel(connection, marks)


def _take_folder(birth: Birth) -> None:
    os.fchdir(birth.folder)
    home = os.getcwd()
    tempfile.tempdir = birth.temporary
    os.environ.update(
        HOME=home,
        PWD=home,
        TMPDIR=birth.temporary,
        DOT_SAGE=os.path.join(birth.temporary, "dot_sage"),
        IPYTHONDIR=os.path.join(birth.temporary, "ipython"),
    )


def _take_descriptors(birth: Birth) -> tuple[socket.socket, Marks]:
    os.close(birth.control)
    os.close(birth.folder)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(birth.stdout, 1)
    os.dup2(birth.stderr, 2)
    for descriptor in (birth.messages, birth.stdout, birth.stderr):
        os.set_inheritable(descriptor, False)
    confinement.keep_descriptors([birth.messages, birth.stdout, birth.stderr])
    marks = Marks(birth.nonce, (birth.stdout, birth.stderr))
    sys.stdout = sys.__stdout__ = TextOutput("stdout", 1, marks)  # type: ignore[assignment,misc]
    sys.stderr = sys.__stderr__ = TextOutput("stderr", 2, marks)  # type: ignore[assignment,misc]
    return socket.socket(fileno=birth.messages), marks


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
