"""NumberedStream: the events of one opening of a workspace, in order, the last of them kept for replay.

Invariant: what (epoch, n) says never changes, and the memory that a stream takes is bounded, however
slow its subscribers are: they pull, each at its own cursor, and one that falls out of the buffer
gets a snapshot instead.
"""

from __future__ import annotations

from collections.abc import Callable

from sagews.errors import TooLarge
from sagews.messages.connection import Refused
from sagews.messages.frame import Frame, Message
from sagews.messages.framing import LENGTH, encode
from sagews.messages.workspace import Attach


class NumberedStream:
    """Events numbered from 1 upwards, encoded once."""

    def __init__(self, workspace: str, epoch: int, maximum_events: int, maximum_bytes: int) -> None:
        """Start an empty stream that keeps so many events, and so many bytes of them, for replay."""
        self.workspace = workspace
        self.epoch = epoch
        self.last = 0
        """Number of the newest event; 0 = there was none."""
        self.kept_bytes = 0
        self._maximum_events = maximum_events
        self._maximum_bytes = maximum_bytes
        self._first = 1
        self._events: dict[int, bytes] = {}
        self._subscribers: dict[Subscriber, Callable[[Subscriber], None]] = {}

    def append(self, content: Message, *, session: str = "", run: str = "", client: str = "") -> int:
        """Number an event, keep it and wake the subscribers; returns its number.

        :raises TooLarge: where it is larger than a frame may be; MessageError: where JSON cannot hold it. It has no
            number then.
        """
        number = self.last + 1
        frame = Frame(
            content=content,
            workspace=self.workspace,
            epoch=self.epoch,
            n=number,
            session=session,
            run=run,
            client=client,
        )
        event = encode(frame)[LENGTH.size :]
        self.last = number
        self._events[number] = event
        self.kept_bytes += len(event)
        while self._first < self.last and (
            len(self._events) > self._maximum_events or self.kept_bytes > self._maximum_bytes
        ):
            self.kept_bytes -= len(self._events.pop(self._first))
            self._first += 1
        for subscriber, wake in self._subscribers.items():
            wake(subscriber)
        return number

    def has_all_after(self, n: int) -> bool:
        """Whether every event after n is still kept (n itself need not be)."""
        return self._first - 1 <= n <= self.last

    def event(self, n: int) -> bytes:
        """The JSON of event n. Raises KeyError where it is not kept."""
        return self._events[n]

    def subscribe(self, subscriber: Subscriber, wake: Callable[[Subscriber], None]) -> None:
        """Call `wake` with the subscriber whenever there is something new for it."""
        self._subscribers[subscriber] = wake

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Wake it no more."""
        self._subscribers.pop(subscriber, None)


class Subscriber:
    """Someone who follows a stream on a channel of a connection, at their own pace."""

    def __init__(self, stream: NumberedStream, channel: int, attached: Callable[[], Frame]) -> None:
        """
        :param attached: makes the answer with a snapshot of everything up to now, for a cursor that
            has fallen out of the buffer.
        """
        self.stream = stream
        self.channel = channel
        self.cursor = stream.last
        self._attached = attached

    def next(self) -> bytes | None:
        """The bytes of the next frame for this subscriber, or None where it has everything."""
        if self.cursor >= self.stream.last:
            return None
        if not self.stream.has_all_after(self.cursor):
            return self._start_over()
        self.cursor += 1
        return on_channel(self.stream.event(self.cursor), self.channel)

    def _start_over(self) -> bytes:
        """A snapshot; where it is too large even so, the refusal, and nothing more before the next `attach`."""
        frame = self._attached()
        self.cursor = frame.n
        try:
            return encode(frame)
        except TooLarge as error:
            self.stream.unsubscribe(self)
            return encode(frame.reply(Refused.because(error, Attach.type)))


def on_channel(event: bytes, channel: int) -> bytes:
    """The bytes on the wire of an encoded event, addressed to a channel.

    An event's JSON is made once and has no `channel`; it is an object and not empty, so the field
    can take the place of its closing brace.
    """
    header = b'%b,"channel":%d}' % (event[:-1], channel) if channel else event
    return LENGTH.pack(len(header)) + header
