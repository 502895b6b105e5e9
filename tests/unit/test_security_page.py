"""The page about security names the test of each attack, and each of them is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
HEADING = "## Attacks, and the tests that make them"


def rows() -> Iterator[tuple[str, list[str]]]:
    """Attack, and its tests."""
    section = PAGE.partition(HEADING)[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[1] != "tests":
            yield cells[0], re.findall(r"`(test_\w+)`", cells[1])


def test_every_attack_has_a_test() -> None:
    found = list(rows())
    assert len(found) > 45
    assert [attack for attack, tests in found if not tests] == []
    assert len({attack for attack, _ in found}) == len(found)


def test_every_test_that_is_named_is_there() -> None:
    files = list(TESTS.rglob("test_*.py"))
    there = {name for path in files for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    there |= {path.stem for path in files}
    assert set(re.findall(r"`(?:tests/[\w/]*/)?(test_\w+)(?:\.py)?`", PAGE)) - there == set()
    assert set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE)) <= {f"tests/{path.relative_to(TESTS)}" for path in files}
