"""Tasks that run beside whoever started them: none of them fails without a word."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.5


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Begin the work; an exception that leaves it is logged as an error.

    :param name: for the log: "journal of W".
    """
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_look)
    return task


async def stop(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks and wait for their ends; repeatable.

    A task that goes on is cancelled again: its cancellation may come just when something that it waits for is done,
    or be replaced by the error of a connection that breaks off (`asyncio.wait_for` before Python 3.12, drivers).
    """
    begun = {task for task in tasks if task is not None and not task.done()}
    while begun:
        for task in begun:
            task.cancel()
        _, begun = await asyncio.wait(begun, timeout=AGAIN_SECONDS)


def _look(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("Task failed", exc_info=error, extra={"action": "task_failed", "task": task.get_name()})
