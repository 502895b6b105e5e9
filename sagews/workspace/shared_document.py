"""SharedDocument: what all shared documents have in common: a Yjs document that takes updates. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from pycrdt import Doc

from sagews.errors import MessageError

EMPTY_UPDATE = b"\x00\x00"
"""What Yjs writes for "nothing changes"."""

REMEMBERED_UPDATES = 256
"""After so many updates the document's whole state is taken as what an impossible update falls back to."""

EARLY_UPDATES = 64
"""So many updates that came before what they build on are waited with."""


class SharedDocument:
    """One live document. Not thread-safe."""

    def __init__(self, state: bytes = b"") -> None:
        """:param state: an update that makes the document from nothing (`state()` of an earlier one).

        :raises MessageError: where it is none.
        """
        self._base, self._since = b"", list[bytes]()
        self._early: deque[bytes] = deque(maxlen=EARLY_UPDATES)
        self._empty()
        if state:
            self.apply(state)

    def _empty(self) -> None:
        """Begin with nothing; what derives from this takes its shared types of the new document."""
        self._doc: Doc[Any] = Doc()

    def apply(self, update: bytes) -> None:
        """Apply a Yjs update (v1). Doing it twice, or in another order, does no harm.

        :raises MessageError: where the bytes are no update; the document is as before.
        """
        try:
            self._take(update)
        except (ValueError, RuntimeError) as error:
            if isinstance(error, RuntimeError):
                self._restore()
            raise MessageError(f"content.update: this is no Yjs update: {str(error)[:100]}.") from error
        self._remember(update)

    def _take(self, update: bytes) -> None:
        """Apply an update, and again those that came too early: pycrdt 0.14 keeps these, but may then lose some."""
        before = self.state_vector()
        self._doc.apply_update(update)
        progress = self.state_vector() != before
        # An update begins with the number of authors of what it adds (Yjs, encoding of updates, version 1).
        if not progress or update[0] > 1:
            self._early.append(update)
        while progress and self._early:
            before = self.state_vector()
            for early in self._early:
                self._doc.apply_update(early)
            progress = self.state_vector() != before

    def _remember(self, update: bytes) -> None:
        self._since.append(update)
        if len(self._since) > REMEMBERED_UPDATES:
            self._base, self._since = self.state(), []

    def _restore(self) -> None:
        """Undo an update that was well formed but impossible: Yjs may have applied a part of it."""
        self._empty()
        for update in [self._base, *self._since, *self._early]:
            if update:
                self._doc.apply_update(update)

    def state(self) -> bytes:
        """The whole document as one update."""
        return self._doc.get_update()

    def state_vector(self) -> bytes:
        """How much of each author's edits the document contains (Yjs state vector)."""
        return self._doc.get_state()

    def lacks(self, state_vector: bytes) -> bool:
        """Whether somebody who has this state vector has edits that are not here yet.

        :raises MessageError: where the bytes are no state vector.
        """
        here = _clocks(self.state_vector())
        return any(clock > here.get(author, 0) for author, clock in _clocks(state_vector).items())


def _clocks(state_vector: bytes) -> dict[int, int]:
    """Decode a Yjs state vector: a count, then pairs (author, clock), as variable-length integers (lib0)."""
    numbers = _numbers(state_vector)
    try:
        return {next(numbers): next(numbers) for _ in range(next(numbers))}
    except (StopIteration, RuntimeError) as error:
        raise MessageError("content.needs: this is no Yjs state vector.") from error


def _numbers(data: Iterable[int]) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
