"""CheckpointRequests: checkpoints of one open workspace on their way to a backend, and its answers."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from sagews.errors import TooLarge
from sagews.messages.frame import Frame, Message
from sagews.messages.records import DocumentState
from sagews.messages.workspace import Checkpoint
from sagews.worker.connection import Connection
from sagews.worker.document import LiveDocument
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream
from sagews.worker.versions import Offer

log = logging.getLogger(__name__)

BYTES_A_SECOND = 1 << 20
"""In which a follower should fetch and store a bundle, at least."""


@dataclass(frozen=True)
class Taken:
    """What a checkpoint is to store."""

    n: int
    changed: tuple[tuple[LiveDocument, int], ...]
    """Documents, and their counts of changes."""
    states: tuple[DocumentState, ...]
    removed: tuple[str, ...]
    offer: Offer | None


class CheckpointRequests:
    """Of one open workspace."""

    def __init__(self, stream: NumberedStream, settings: WorkerSettings) -> None:
        """None is on its way."""
        self._stream = stream
        self._settings = settings
        self._answers: dict[tuple[Connection, int], asyncio.Future[Message | None]] = {}
        self._number = 0

    def answered(self, connection: Connection, frame: Frame) -> None:
        """A follower's answer to a checkpoint."""
        answer = self._answers.get((connection, frame.request))
        if answer is not None and not answer.done():
            answer.set_result(frame.content)

    async def ask(self, connection: Connection, taken: Taken) -> Message | None:
        """Have a follower store it; returns its answer, `Checkpointed` where it did. None = there is none in time."""
        bundle = taken.offer.record if taken.offer is not None else None
        content, n = Checkpoint(taken.states, taken.removed, bundle), taken.n
        seconds = self._settings.checkpoint_answer_seconds + (bundle.size / BYTES_A_SECOND if bundle else 0)
        self._number += 1
        key = (connection, self._number)
        answer: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        connection.on_close[answer] = lambda: None if answer.done() else answer.set_result(None)
        workspace, epoch = self._stream.workspace, self._stream.epoch
        try:
            connection.send(Frame(content=content, workspace=workspace, epoch=epoch, n=n, request=self._number))
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            return None
        except TooLarge as error:
            log.error("Checkpoint is too large", extra={"action": "checkpoint_too_large", "error": error.what})
            return None
        finally:
            del self._answers[key]
            connection.on_close.pop(answer, None)
