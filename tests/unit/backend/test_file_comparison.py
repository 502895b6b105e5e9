"""Comparing in a process of its own."""

from __future__ import annotations

import pytest

from sagews.backend import file_comparison
from sagews.backend.file_comparison import LineAnswer, compared


async def test_two_texts() -> None:
    told = await compared("a.txt", b"a", b"b \xf0\x9f\x8c\xb7", "v")
    assert (told.change, told.kind) == ("changed", "text")
    assert told.lines == (LineAnswer(change="deleted", text="a"), LineAnswer(change="added", text="b \U0001f337"))


async def test_half_a_character_in_a_worksheet_can_be_told() -> None:
    cell = b'{"id": "c", "cell_type": "markdown", "source": "\\ud800", "metadata": {}}'
    whole = b'{"cells": [%s], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}' % cell
    told = await compared("a.ipynb", None, whole, "")
    assert (told.change, told.kind) == ("added", "worksheet")
    told.model_dump_json()


async def test_what_takes_too_long_is_told_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each line is there often, but not so often that `difflib` passes over it.
    old = "".join(f"{number % 150}\n" for number in range(20_000))
    new = "".join(f"{number * 7 % 151}\n" for number in range(20_000))
    monkeypatch.setattr(file_comparison, "SECONDS", 0.01)
    told = await compared("a.txt", old.encode(), new.encode(), "v")
    assert (told.change, told.kind, told.lines) == ("changed", "large", ())
