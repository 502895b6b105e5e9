"""A shared document has every update that it was given, in whatever order they came."""

from __future__ import annotations

import random

import pytest
from pycrdt import Doc, Text

from sagews.workspace.shared_document import SharedDocument


class Author:
    """Somebody who types words into a text, and hears of others' late."""

    def __init__(self) -> None:
        self.copy: Doc = Doc()
        self._text = self.copy.get("text", type=Text)
        self._heard = 0

    def type(self, word: str, chance: random.Random) -> bytes:
        """The update that it makes."""
        before = self.copy.get_state()
        self._text.insert(chance.randint(0, len(str(self._text))), word)
        return self.copy.get_update(before)

    def hear(self, told: list[bytes], until: int) -> None:
        for update in told[self._heard : until]:
            self.copy.apply_update(update)
        self._heard = max(self._heard, until)


def disordered(seed: int) -> tuple[list[bytes], int]:
    """Updates of two authors as they reach a server that refuses some for a while, and how many letters they type."""
    chance, authors = random.Random(seed), [Author(), Author()]
    told: list[bytes] = []
    waiting: list[bytes] = []
    for _ in range(60):
        waiting.append(chance.choice(authors).type("x", chance))
        if chance.random() < 0.4:
            chance.shuffle(waiting)
            taken = chance.randint(0, len(waiting))
            told, waiting = told + waiting[:taken], waiting[taken:]
        for author in authors:
            if chance.random() < 0.5:
                author.hear(told, chance.randint(0, len(told)))
    return told + waiting, 60


@pytest.mark.parametrize("seed", range(40))
def test_updates_in_disorder_are_all_there(seed: int) -> None:
    updates, letters = disordered(seed)
    document = SharedDocument()
    for update in updates:
        document.apply(update)
    reader: Doc = Doc()
    reader.apply_update(document.state())
    assert str(reader.get("text", type=Text)) == "x" * letters
