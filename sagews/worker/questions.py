"""Questions: what peers asked a session and it has not answered yet (completions, help ...)."""

from __future__ import annotations

from collections.abc import Callable

from sagews.errors import OverLimit, SagewsError, SessionEnded
from sagews.messages.connection import Refused
from sagews.messages.frame import Frame, Message

Answer = Callable[[Message], None]


class Questions:
    """Each has a number of ours, so that what a session answers reaches only who asked."""

    def __init__(self, maximum: int) -> None:
        """:param maximum: so many may be open."""
        self._open: dict[int, tuple[Answer, str]] = {}
        self._number = 0
        self._maximum = maximum

    def ask(self, question: Message, answer: Answer, send: Callable[[Frame], None]) -> None:
        """Send a question to the session; `answer` gets what it says.

        :raises OverLimit: where too many are open, or the session is too busy for one more.
        """
        if len(self._open) >= self._maximum:
            raise OverLimit("This session has too many questions to answer.")
        self._number += 1
        send(Frame(content=question, request=self._number))
        self._open[self._number] = (answer, question.type)

    def answered(self, frame: Frame) -> None:
        """The session answers. An answer to nothing is dropped: sessions are not trusted."""
        answer, _ = self._open.pop(frame.request, (None, ""))
        if answer is not None:
            answer(frame.content)

    def give_up(self, error: SagewsError | None = None) -> None:
        """The session has ended: refuse all that is open."""
        for answer, question in self._open.values():
            answer(Refused.because(error or SessionEnded(), question))
        self._open.clear()
