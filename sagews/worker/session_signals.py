"""When a signal may reach a session's code, and when not.

Invariant: the mask is as before when either of these has ended, whatever was raised inside.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from sagews.worker.system_calls import LIBC

_OF_RUNS = {
    signal.SIGINT, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP,
}  # fmt: skip
"""Signals for which the user's code may have a handler that raises: an alarm that comes after its run hits nothing."""
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP)
_SignalSet = ctypes.c_ulong * (1024 // (8 * ctypes.sizeof(ctypes.c_ulong)))
_CHECK_SIGNALS = ctypes.pythonapi.PyErr_CheckSignals


def _all_but_crashes() -> ctypes.Array[ctypes.c_ulong]:
    signals = _SignalSet()
    LIBC.sigfillset(ctypes.byref(signals))
    for number in _CRASHES:
        LIBC.sigdelset(ctypes.byref(signals), int(number))
    return signals


_HELD_BACK = ctypes.byref(_all_but_crashes())


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep signals waiting, so that none can fall between two halves of what belongs together.

    (By ctypes because Python's own function takes 10 microseconds for a set of all signals.)
    """
    before = _SignalSet()
    try:
        LIBC.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK, ctypes.byref(before))
        # What came just before is handled, and may raise, here.
        _CHECK_SIGNALS()
        yield
    finally:
        LIBC.pthread_sigmask(signal.SIG_SETMASK, ctypes.byref(before), None)


@contextmanager
def interruptible() -> Iterator[None]:
    """The user's code runs: let signals in, but none that came before."""
    while signal.sigtimedwait(_OF_RUNS, 0) is not None:
        pass
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_RUNS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _OF_RUNS)
