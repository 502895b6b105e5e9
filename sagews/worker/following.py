"""Following: who is attached to an opened workspace, and what each is told first.

Invariant: everyone gets, once and in order, each event after what their first answer contains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sagews.messages.frame import Frame
from sagews.messages.records import Actor, Snapshot
from sagews.messages.workspace import Attached, WorkspaceClosed
from sagews.worker.client_log import ClientLog
from sagews.worker.connection import Connection
from sagews.worker.people import Attachment, People
from sagews.worker.stream import NumberedStream, Subscriber


class Following:
    """Of one opened workspace."""

    def __init__(
        self, stream: NumberedStream, people: People, clients: ClientLog, snapshot: Callable[[], Snapshot]
    ) -> None:
        """:param snapshot: makes one of everything that the stream has told up to now."""
        self._stream = stream
        self._people = people
        self._clients = clients
        self._snapshot = snapshot
        self.on_leaving: Callable[[], None] = lambda: None
        """Called when somebody is attached no more."""

    def attach(self, connection: Connection, frame: Frame, actor: Actor) -> None:
        """Answer `attach`: everything since (epoch, n), or a snapshot; then what comes."""
        old = self._people.find(connection, frame.channel)
        if old is not None:
            self.detach(old)
        stream = self._stream
        subscriber = Subscriber(stream, frame.channel, lambda: self._attached(frame, "snapshot", stream.last))
        attachment = Attachment(connection, frame.channel, frame.client, actor, subscriber)
        resumed = frame.epoch == stream.epoch and stream.has_all_after(frame.n)
        if resumed:
            subscriber.cursor = frame.n
        self._people.came(attachment)
        first = self._attached(frame, "resumed" if resumed else "snapshot", subscriber.cursor, frame.request)
        connection.send(first)
        stream.subscribe(subscriber, lambda follower: connection.wake(stream.workspace, follower))
        connection.attached += 1
        connection.on_close[attachment] = lambda: self.detach(attachment)
        connection.wake(stream.workspace, subscriber)

    def detach(self, attachment: Attachment) -> None:
        """Send it nothing more. Doing it twice does no harm."""
        self._stream.unsubscribe(attachment.subscriber)
        attachment.connection.forget(self._stream.workspace, attachment.subscriber)
        if self._people.left(attachment):
            attachment.connection.attached -= 1
            attachment.connection.on_close.pop(attachment, None)
            self.on_leaving()

    def close(self, reason: str) -> None:
        """Everyone is told that it is over, and nothing more."""
        workspace, epoch = self._stream.workspace, self._stream.epoch
        for attachment in self._people.everyone():
            self.detach(attachment)
            content, channel = WorkspaceClosed(reason), attachment.channel
            attachment.connection.send(Frame(content=content, workspace=workspace, epoch=epoch, channel=channel))

    def _attached(self, frame: Frame, how: Literal["resumed", "snapshot"], n: int, request: int = 0) -> Frame:
        """:param request: of the one who asked; 0 where it is told unasked."""
        content = Attached(
            how=how,
            snapshot=self._snapshot() if how == "snapshot" else None,
            people=self._people.persons(),
            k=self._clients.taken(frame.client),
        )
        return Frame(
            content=content,
            workspace=self._stream.workspace,
            epoch=self._stream.epoch,
            n=n,
            client=frame.client,
            channel=frame.channel,
            request=request,
        )
