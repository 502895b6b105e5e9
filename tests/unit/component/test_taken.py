"""Promise: it is seen whether an instance has taken what the configuration says now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sagews.component.taken import TakenSettings
from sagews.configuration import Configuration, Log


def test_new_settings_are_seen_until_they_are_taken(tmp_path: Path) -> None:
    taken, before = TakenSettings(tmp_path / "backend.0", ("hosts", "log.format")), Configuration()
    taken.note(before)
    assert not taken.differ(Configuration())
    after = replace(before, log=Log(format="json"))
    assert taken.differ(after)
    taken.note(after)
    assert not taken.differ(after)
    assert taken.differ(before)


def test_settings_that_it_does_not_read_are_none_of_its_business(tmp_path: Path) -> None:
    taken, before = TakenSettings(tmp_path / "backend.0", ("hosts", "log.format")), Configuration()
    taken.note(before)
    assert not taken.differ(replace(before, log=Log(level="debug")))


def test_of_what_was_started_before_this_was_noted_nothing_is_claimed(tmp_path: Path) -> None:
    assert not TakenSettings(tmp_path / "backend.0", ("log",)).differ(Configuration())
