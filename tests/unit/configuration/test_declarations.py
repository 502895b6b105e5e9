"""Promises about every declared setting, also those to come."""

from __future__ import annotations

import re

import pytest

from sagews.configuration.catalogue import Entry, Group, entries, groups
from sagews.configuration.values import allowed, checked, from_text, shown

ENTRIES = [pytest.param(entry, id=entry.name) for entry in entries()]
GROUPS = [pytest.param(group, id=".".join(group.path)) for group in groups()]
UNITS = re.compile(
    r"_(bytes|kilobytes|megabytes|milliseconds|seconds|minutes|hours|days)$|^maximum_|_per_(second|minute|address)$|(^|_)port$|_messages$"
)
COUNTS = {"processes", "disk_files", "open_files", "spare_sessions"}


@pytest.mark.parametrize("entry", ENTRIES)
def test_setting_has_a_help_text(entry: Entry) -> None:
    assert re.fullmatch(r"[`A-Z].{10,}\.", entry.rule.help)


@pytest.mark.parametrize("group", GROUPS)
def test_section_has_a_help_text(group: Group) -> None:
    assert re.fullmatch(r"[`A-Z].{10,}\.", group.help.replace("\n", " "))


@pytest.mark.parametrize("entry", ENTRIES)
def test_number_has_bounds_and_its_unit_in_its_name(entry: Entry) -> None:
    if entry.kind in (int, float):
        assert entry.rule.at_least is not None
        assert entry.rule.at_most is not None
        assert UNITS.search(entry.path[-1]) or entry.path[-1] in COUNTS


@pytest.mark.parametrize("entry", ENTRIES)
def test_pattern_says_in_words_what_it_allows(entry: Entry) -> None:
    assert bool(entry.rule.matches) == bool(entry.rule.allowed)
    assert allowed(entry.kind, entry.rule)


@pytest.mark.parametrize("entry", ENTRIES)
def test_default_is_allowed(entry: Entry) -> None:
    default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
    assert checked(entry.kind, entry.rule, str(default) if shown(default)[0] == '"' else default) == entry.default


@pytest.mark.parametrize("entry", ENTRIES)
def test_default_can_be_given_as_a_variable(entry: Entry) -> None:
    text = ",".join(entry.default) if isinstance(entry.default, tuple) else shown(entry.default).strip('"')
    assert checked(entry.kind, entry.rule, from_text(entry.kind, text)) == entry.default


def test_no_two_settings_share_a_variable() -> None:
    variables = [entry.variable for entry in entries() if entry.variable]
    assert len(variables) == len(set(variables))
