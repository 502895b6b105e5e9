"""Wait for what a test expects, without a sleep that is a guess.

Tests await a state of the real thing (``await eventually(worker.is_ready)``); how
long that takes is no part of the promise, so the deadline is generous and only
bounds how long a broken test hangs.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")
Retried = type[Exception] | tuple[type[Exception], ...]

_INTERVAL_SECONDS = 0.01


@overload
async def eventually(
    state: Callable[[], Awaitable[T]], *, within_seconds: float = 30.0, retry_on: Retried = AssertionError
) -> T: ...
@overload
async def eventually(
    state: Callable[[], T], *, within_seconds: float = 30.0, retry_on: Retried = AssertionError
) -> T: ...
async def eventually(
    state: Callable[[], object], *, within_seconds: float = 30.0, retry_on: Retried = AssertionError
) -> object:
    """Ask *state* again and again until it is true, and return its value.

    :param state: a function, plain or async, that returns something true when what is
        awaited has happened; or one that asserts, which counts as "not yet".
    :param within_seconds: the deadline.
    :param retry_on: errors of *state* that mean "not yet".
    :raises AssertionError: at the deadline, with the last value or error of *state*.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        error: Exception | None = None
        value: object = None
        try:
            answer = state()
            value = await answer if inspect.isawaitable(answer) else answer
        except retry_on as raised:
            error = raised
        if error is None and value:
            return value
        if time.monotonic() >= deadline:
            last = f"raised {error!r}" if error is not None else f"was {value!r}"
            raise AssertionError(f"Not within {within_seconds:g} s: {_name(state)} at last {last}") from error
        await asyncio.sleep(_INTERVAL_SECONDS)


def eventually_sync(state: Callable[[], T], *, within_seconds: float = 30.0) -> T:
    """The same for tests that have no event loop."""
    deadline = time.monotonic() + within_seconds
    while True:
        value = state()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"Not within {within_seconds:g} s: {_name(state)} at last was {value!r}")
        time.sleep(_INTERVAL_SECONDS)


def _name(state: Callable[[], object]) -> str:
    return getattr(state, "__qualname__", repr(state))
