"""The table, the JSON file, and the page with its plot."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.rows import Row

ROOT = Path(__file__).parents[1]
JSON_FILE = ROOT / "benchmarks" / "results" / "latest.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PLOT = ROOT / "docs" / "images" / "benchmarks.svg"

PREFACE = """# How fast, and how large

`make bench` measures sagews beside Jupyter Server with the same Sage, on the same machine, in one run, and
writes this page. Times are medians (p50) where nothing else is said; *times better* is the quotient of the
two figures. The client is a Python program on the same machine; there is no load balancer in between.

What rests on an option that the peer lacks: Jupyter Server has no setting for `TCP_NODELAY` (its "best" adds
it by a patch), starts a kernel as a new process that imports Sage (a forked kernel is not to be had;
attaching to a kernel that was started before is its best), and loses text by default where there is much of
it (its rate limit can be set off). sagews keeps two spare sessions for each environment, which have already
evaluated something; "in a burst" shows what it takes when they are used up.
"""


def table(rows: Sequence[Row]) -> str:
    """All rows as a Markdown table."""
    lines = [
        "| what | unit | sagews | budget | peer | its figure | times better | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        budget = "" if row.budget is None else f"{row.budget:g} ({'met' if row.within_budget else '**missed**'})"
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        peer_value = "" if row.peer_value is None else f"{row.peer_value:.3g}"
        cells = (row.name, row.unit, f"{row.sagews:.3g}", budget, row.peer, peer_value, ratio, row.note)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: Sequence[Row]) -> None:
    """Write `results/latest.json`, `docs/benchmarks.md` and its plot."""
    JSON_FILE.parent.mkdir(parents=True, exist_ok=True)
    JSON_FILE.write_text(json.dumps({"machine": machine(), "rows": [row.as_json() for row in rows]}, indent=2) + "\n")
    _plot([row for row in rows if row.ratio is not None])
    facts = "; ".join(f"{name}: {value}" for name, value in machine().items())
    image = "![How many times better each figure is than the peer's](images/benchmarks.svg)"
    PAGE.write_text(f"{PREFACE}\nMeasured: {facts}.\n\n{table(rows)}\n\n{image}\n")


def machine() -> dict[str, str]:
    """What it was measured on."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "sage": version("passagemath-standard"),
        "jupyter_server": version("jupyter_server"),
    }


def _plot(rows: Sequence[Row]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "sagews"
    from matplotlib import pyplot

    names = [f"{row.name}\nagainst {row.peer.partition(' (')[0]}" for row in rows]
    ratios = [row.ratio or 0 for row in rows]
    figure, axes = pyplot.subplots(figsize=(9, 0.55 * len(rows) + 1))
    axes.barh(range(len(rows)), ratios, color="#2a5caa")
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times better than the peer (1 = the same)")
    for place, ratio in enumerate(ratios):
        axes.text(ratio, place, f" {ratio:.3g}", va="center", fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})
    pyplot.close(figure)
