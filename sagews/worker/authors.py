"""Authors: who changed something in a workspace since its newest version."""

from __future__ import annotations

from sagews.messages.records import Actor
from sagews.workspace.import_stream import Author

NAMED = 20


class Authors:
    """Of one open workspace."""

    def __init__(self) -> None:
        """Nobody yet."""
        self._names: dict[str, str] = {}

    def add(self, actor: Actor) -> None:
        """This one did."""
        self._names.pop(actor.account, None)
        self._names[actor.account] = actor.name
        if len(self._names) > NAMED:
            del self._names[next(iter(self._names))]

    def take(self) -> tuple[Author, str]:
        """The last one, and what a version's message says of the others; from now on it is nobody again."""
        names, self._names = list(self._names.items()), {}
        if not names:
            return Author("", ""), ""
        account, name = names.pop()
        others = [f"Co-authored-by: {other or '?'} <{one}>" for one, other in reversed(names)]
        return Author(name or account, account), "\n".join(others)
