"""The table, the JSON file, and the page with its plot."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.rows import Row

ROOT = Path(__file__).parents[1]
JSON_FILE = ROOT / "benchmarks" / "results" / "latest.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PLOT = ROOT / "docs" / "images" / "benchmarks.svg"

PARENTHESES = re.compile(r" \([^)]*\)")

PREFACE = """# How fast, and how large

`make bench` measures sagews beside Jupyter Server with the same Sage, on the same machine, in one run, and
writes this page. Times are medians (p50) where nothing else is said; *times better* is the quotient of the
two figures (below 1: sagews is worse). The client is a Python program on the same machine; there is no load
balancer in between. Our own limits are raised for it
(1,000 sessions, 100,000 requests a minute).
Worker figures ("session", "ten sessions") are taken at the worker's own API on its Unix
socket, all others through client, backend (HTTP and websocket), worker (TLS) and session.

Settings of the peer. *As shipped*: `jupyter server` without options. *At its best*: `TCP_NODELAY` added, its two
rate limits of output off, and where it is named, a kernel that was started before and is only attached to. Memory,
idle time and the start of a new kernel do not depend on these, so there is one row for both.

Advantages that rest on an option that the peer lacks:

- a round trip *as shipped* waits for Nagle's algorithm: Jupyter Server has no setting for `TCP_NODELAY`; "at its
  best" has it by a patch of ours;
- *a new kernel* is a new process that imports Sage: Jupyter Server cannot fork one. Kernels that were started
  before take 160 MB each, one for each person who may come;
- sagews keeps two spare sessions for each environment (`spare`), which have already evaluated the very
  question of the first rows (a rehearsal); the row with a question not asked before is the fairer one. The other
  rows say what a question takes that they have not been asked before, and what a session takes where there are no
  spares (they are switched off for these rows);
- text: at its best Jupyter's rate limits are off, but its kernels' output sockets still drop messages when there are
  too many, and no setting changes that. What was dropped is not counted in its MB/s; the note says how much it was.
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

    names = [f"{row.name}\nagainst {PARENTHESES.sub('', row.peer)}" for row in rows]
    ratios = [row.ratio or 0 for row in rows]
    figure, axes = pyplot.subplots(figsize=(9, 0.55 * len(rows) + 1))
    axes.barh(range(len(rows)), [ratio - 1 for ratio in ratios], left=1, color="#2a5caa")
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times better than the peer (1 = the same)")
    for place, ratio in enumerate(ratios):
        axes.text(max(ratio, 1), place, f" {ratio:.3g}", va="center", fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})
    pyplot.close(figure)
