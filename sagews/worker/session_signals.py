"""When an interrupt may reach a session's code, and when not."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGINT = {signal.SIGINT}


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep an interrupt waiting, so that it cannot fall between two halves of what belongs together."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGINT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interruptible() -> Iterator[None]:
    """The user's code runs: let SIGINT in, but none that was sent before."""
    while signal.sigtimedwait(_SIGINT, 0) is not None:
        pass
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGINT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGINT)
