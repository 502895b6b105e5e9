"""People: who is attached to an open workspace, on which channel of which connection.

Coming, going and presence are told at once, unnumbered, and to a slow peer not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from sagews.messages.frame import Frame, Message
from sagews.messages.records import Actor, Person
from sagews.messages.workspace import PersonCame, PersonLeft
from sagews.worker.connection import Connection
from sagews.worker.stream import Subscriber


@dataclass(frozen=True, eq=False)
class Attachment:
    """One channel that follows the workspace."""

    connection: Connection
    channel: int
    client: str
    actor: Actor
    subscriber: Subscriber

    def person(self) -> Person:
        """As the others see them."""
        return Person(self.client, self.actor.account, self.actor.name, self.actor.role)


class People:
    """The attachments of one open workspace."""

    def __init__(self, workspace: str, epoch: int) -> None:
        """Nobody, at first."""
        self._workspace = workspace
        self._epoch = epoch
        self._attached: dict[tuple[Connection, int], Attachment] = {}

    def __len__(self) -> int:
        return len(self._attached)

    def persons(self) -> tuple[Person, ...]:
        """Everyone with a name."""
        return tuple(attachment.person() for attachment in self._attached.values() if attachment.client)

    def find(self, connection: Connection, channel: int) -> Attachment | None:
        """Who is attached there."""
        return self._attached.get((connection, channel))

    def came(self, attachment: Attachment) -> None:
        """Let it be known."""
        self._attached[attachment.connection, attachment.channel] = attachment
        if attachment.client:
            self.tell(PersonCame(attachment.person()), besides=attachment)

    def left(self, attachment: Attachment) -> bool:
        """Let it be known; False where it was not here."""
        place = (attachment.connection, attachment.channel)
        if self._attached.get(place) is not attachment:
            return False
        del self._attached[place]
        if attachment.client:
            self.tell(PersonLeft(attachment.client))
        return True

    def tell(self, content: Message, *, besides: Attachment | None = None, client: str = "", session: str = "") -> None:
        """Tell everyone attached something that may be lost."""
        for attachment in self._attached.values():
            if attachment is not besides:
                frame = Frame(
                    content=content,
                    workspace=self._workspace,
                    epoch=self._epoch,
                    client=client,
                    session=session,
                    channel=attachment.channel,
                )
                attachment.connection.send_if_room(frame)

    def everyone(self) -> tuple[Attachment, ...]:
        """All attachments."""
        return tuple(self._attached.values())
