"""ClientLog: which updates and commands of each client were taken, so that each is obeyed at most once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from sagews.messages.frame import Message


@dataclass
class Client:
    """One browser tab or script."""

    k: int = 0
    """The highest number taken."""
    answers: OrderedDict[int, tuple[Message, int]] = field(default_factory=OrderedDict)
    """What was answered to the last of them, and the event's number."""


class ClientLog:
    """The clients of one opening of a workspace; the ones not heard of for longest are forgotten first."""

    def __init__(self, maximum_clients: int, maximum_answers: int) -> None:
        """Remember so many clients, and so many answers of each."""
        self._clients: OrderedDict[str, Client] = OrderedDict()
        self._maximum_clients = maximum_clients
        self._maximum_answers = maximum_answers

    def taken(self, client: str) -> int:
        """The highest k of this client that was taken; 0 = none."""
        known = self._clients.get(client)
        return known.k if known is not None else 0

    def answered(self, client: str, k: int) -> tuple[Message, int] | None:
        """What was answered to this one before, if it was; None for one too old to be remembered."""
        known = self._clients.get(client)
        return known.answers.get(k) if known is not None else None

    def take(self, client: str, k: int, answer: Message, n: int = 0) -> None:
        """Note that k was taken and what was answered."""
        known = self._clients.setdefault(client, Client())
        self._clients.move_to_end(client)
        known.k = max(known.k, k)
        known.answers[k] = (answer, n)
        while len(known.answers) > self._maximum_answers:
            known.answers.popitem(last=False)
        while len(self._clients) > self._maximum_clients:
            self._clients.popitem(last=False)
