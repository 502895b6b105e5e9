"""Row: one measured figure, beside the peer's."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure of sagews and the one of a peer at one setting."""

    name: str
    unit: str
    sagews: float
    peer: str = ""
    """The peer and its setting; "" = measured for sagews alone."""
    peer_value: float | None = None
    budget: float | None = None
    larger_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better sagews is; below 1 = worse."""
        if self.peer_value is None or not self.sagews or not self.peer_value:
            return None
        return self.sagews / self.peer_value if self.larger_is_better else self.peer_value / self.sagews

    @property
    def within_budget(self) -> bool | None:
        """Whether the design's budget is kept; None = it has none."""
        if self.budget is None:
            return None
        return self.sagews >= self.budget if self.larger_is_better else self.sagews <= self.budget

    def as_json(self) -> dict[str, Any]:
        """What `results/latest.json` has of it."""
        kept = asdict(self)
        return {name: kept[name] for name in ("name", "unit", "sagews", "peer", "peer_value")} | {"ratio": self.ratio}


def quantile(values: list[float], part: float) -> float:
    """The value below which `part` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def median(values: list[float]) -> float:
    """The p50."""
    return statistics.median(values)
