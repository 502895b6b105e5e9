"""Finding: one thing that `sagews check` has looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class Weight(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found, and how to mend it; neither ends with a full stop."""

    weight: Weight
    what: str
    mend: str = ""

    @classmethod
    def good(cls, what: str) -> Self:
        """As it should be."""
        return cls(Weight.GOOD, what)

    @classmethod
    def doubtful(cls, what: str, mend: str) -> Self:
        """It may be meant so."""
        return cls(Weight.DOUBTFUL, what, mend)

    @classmethod
    def wrong(cls, what: str, mend: str) -> Self:
        """It hurts, or will."""
        return cls(Weight.WRONG, what, mend)

    def as_json(self) -> dict[str, str]:
        """For `sagews check --json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, str]) -> Self:
        """What `as_json` gave."""
        return cls(Weight(found["weight"]), found["what"], found["mend"])
