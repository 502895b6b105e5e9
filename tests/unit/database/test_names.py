"""Names that people give."""

from __future__ import annotations

import pytest

from sagews.database.names import LONGEST, checked
from sagews.errors import UsageError


@pytest.mark.parametrize("name", ["", " \t\n", "a" * (LONGEST + 1)])
def test_blank_and_endless_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="A workspace's name has 1 to"):
        checked(name, "a workspace's name")


@pytest.mark.parametrize("name", ["a", "a" * LONGEST, "Théorie des nombres", "\U0001d54f"])
def test_others_are_taken(name: str) -> None:
    assert checked(f"  {name} ", "a name") == name
