"""The page about what it costs to keep bundles, and its plot."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report import ROOT, machine

PAGE = ROOT / "docs" / "bundle-storage.md"
PLOT = ROOT / "docs" / "images" / "bundle-storage.svg"

PREFACE = """# What it costs to keep a git bundle as a BLOB

`python -m benchmarks.bundle_storage` measures it and writes this page: bundles of one commit with one file that does
not compress, saved and loaded by the code that checkpoints and openings use, on the same disk. *BLOB* is the tables
`bundles` and `bundle_pieces` (pieces of 4 MiB, one transaction; in PostgreSQL `STORAGE EXTERNAL`, so that it does not
try to compress what git has compressed). All have the bytes on disk (fsync) when they say *saved*. Times are medians;
loading is from memory where the system has it there. Space is what the disk has more, of what is kept alone;
PostgreSQL's write-ahead log has everything once more until it is recycled.
"""


@dataclass(frozen=True)
class Figure:
    """One size by one way; bytes and seconds."""

    way: str
    content_bytes: int
    bundle_bytes: int
    space_bytes: float
    save_seconds: float
    load_seconds: float

    @property
    def overhead(self) -> float:
        """Part of the bundle's bytes that is taken besides."""
        return self.space_bytes / self.bundle_bytes - 1


Git = Sequence[tuple[int, int, float, float]]


def lines(figures: Sequence[Figure], git: Git) -> list[str]:
    """Both tables, in Markdown."""
    told = ["| content | bundle, bytes | way | space besides | save, ms | load, ms |", "|---|---|---|---|---|---|"]
    told += [
        f"| {_bytes(one.content_bytes)} | {one.bundle_bytes} | {one.way} | {one.overhead:+.1%} "
        f"| {one.save_seconds * 1000:.3g} | {one.load_seconds * 1000:.3g} |"
        for one in figures
    ]
    told += ["", "What git itself takes, whoever keeps the bundle:", ""]
    told += ["| content | bundle besides | commit and bundle, ms | verify and unpack, ms |", "|---|---|---|---|"]
    told += [
        f"| {_bytes(content)} | {bundle - content:+d} bytes ({bundle / content - 1:+.2%}) "
        f"| {make * 1000:.3g} | {take * 1000:.3g} |"
        for content, bundle, make, take in git
    ]
    return told


def print_figures(figures: Sequence[Figure], git: Git) -> None:
    """For who waits for them."""
    sys.stdout.write("\n".join(lines(figures, git)) + "\n")


def write_page(figures: Sequence[Figure], git: Git) -> None:
    """docs/bundle-storage.md with its plot."""
    _plot(figures)
    facts = "; ".join(f"{name}: {value}" for name, value in machine().items() if name not in ("sage", "jupyter_server"))
    image = "![Time to save and to load, and space, by size](images/bundle-storage.svg)"
    PAGE.write_text(f"{PREFACE}\nMeasured: {facts}.\n\n{image}\n\n" + "\n".join(lines(figures, git)) + "\n")


def _bytes(count: int) -> str:
    return f"{count // 10**6} MB" if count >= 10**6 else f"{count // 1000} kB"


def _plot(figures: Sequence[Figure]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "sagews"
    from matplotlib import pyplot

    figure, (save, load, space) = pyplot.subplots(1, 3, figsize=(12, 3.6))
    for way in dict.fromkeys(one.way for one in figures):
        of_way = [one for one in figures if one.way == way]
        sizes = [one.content_bytes for one in of_way]
        save.plot(sizes, [one.save_seconds * 1000 for one in of_way], marker="o", label=way)
        load.plot(sizes, [one.load_seconds * 1000 for one in of_way], marker="o", label=way)
        space.plot(sizes, [one.overhead * 100 for one in of_way], marker="o", label=way)
    for axes, title in ((save, "save, ms"), (load, "load, ms"), (space, "space besides, %")):
        axes.set_xscale("log")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("bytes of content", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    save.set_yscale("log")
    load.set_yscale("log")
    save.legend(fontsize=7, frameon=False)
    figure.tight_layout()
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})
    pyplot.close(figure)
